import { describe, expect, it } from 'vitest';
import {
  encodeClientInfo,
  encodeFrame,
  encodeHealth,
  encodeKeepAlive,
  encodeNotePreferred,
  encodePeerGone,
  encodePing,
  encodePong,
  encodeRecvPacket,
  encodeRestarting,
  encodeSendPacket,
  encodeServerInfo,
  encodeServerKey,
} from '../../src/protocol/frame-encoder.ts';
import { MAX_PACKET_LENGTH, PeerGoneReason } from '../../src/protocol/frame-types.ts';

const key = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const keyHex = key.toString('hex');
const eight = Buffer.from('a1a2a3a4a5a6a7a8', 'hex');

describe('frames as bytes', () => {
  it.each([
    ['ServerKey', encodeServerKey(key), `01 00000028 44455250f09f9491 ${keyHex}`],
    ['ClientInfo', encodeClientInfo(key, Buffer.from('beef', 'hex')), `02 00000022 ${keyHex} beef`],
    ['ServerInfo', encodeServerInfo(Buffer.from('beef', 'hex')), '03 00000002 beef'],
    ['SendPacket', encodeSendPacket(key, Buffer.from('cafe', 'hex')), `04 00000022 ${keyHex} cafe`],
    ['RecvPacket', encodeRecvPacket(key, Buffer.from('cafe', 'hex')), `05 00000022 ${keyHex} cafe`],
    ['KeepAlive', encodeKeepAlive(), '06 00000000'],
    ['NotePreferred yes', encodeNotePreferred(true), '07 00000001 01'],
    ['NotePreferred no', encodeNotePreferred(false), '07 00000001 00'],
    ['PeerGone disconnected', encodePeerGone(key, PeerGoneReason.Disconnected), `08 00000021 ${keyHex} 00`],
    ['PeerGone not here', encodePeerGone(key, PeerGoneReason.NotHere), `08 00000021 ${keyHex} 01`],
    ['Ping', encodePing(eight), '12 00000008 a1a2a3a4a5a6a7a8'],
    ['Pong', encodePong(eight), '13 00000008 a1a2a3a4a5a6a7a8'],
    ['Health', encodeHealth('no'), '14 00000002 6e6f'],
    ['Restarting', encodeRestarting(500, 60_000), '15 00000008 000001f4 0000ea60'],
  ])('%s', (_, frame, hex) => {
    expect(frame.toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('writes all four length bytes', () => {
    expect(encodeFrame(0x7f, Buffer.alloc(0x01020304)).subarray(0, 5).toString('hex')).toBe('7f01020304');
  });

  it('refuses keys and packets of the wrong size', () => {
    expect(() => encodeSendPacket(key.subarray(1), eight)).toThrow(/destination must be 32 bytes, not 31/);
    expect(() => encodeRecvPacket(key, Buffer.alloc(MAX_PACKET_LENGTH + 1))).toThrow(/at most 65536 bytes/);
    expect(() => encodePing(Buffer.alloc(9))).toThrow(/ping must be 8 bytes/);
    expect(encodeSendPacket(key, Buffer.alloc(MAX_PACKET_LENGTH)).length).toBe(5 + 32 + 65536);
  });
});
