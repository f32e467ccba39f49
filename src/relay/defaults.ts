/** Every tunable of the relay in one place. Times in milliseconds, sizes in bytes, unless a name says otherwise. */
export const defaults = {
  /** A TLS handshake, the first request, and each step of the login must be done in this time. */
  loginStepTimeout: 10_000,
  /** An HTTP connection that is not a DERP login is closed after this time, whatever it does. */
  httpConnectionTimeout: 30_000,
  /** The longest HTTP request head. */
  maxRequestHead: 16_384,

  /** Keep-alives go out this often … */
  keepAliveSeconds: 60,
  /** … plus up to this many seconds, different for each client. */
  keepAliveJitterSeconds: 5,
  /** A client that says it answers pings, and has been silent since so many keep-alives, is gone. */
  unansweredPings: 2,

  /**
   * A client's queue of ordinary packets, and that of disco packets, drop their oldest when they hold more than both:
   * this many packets (derper's limit) …
   */
  queuePackets: 32,
  /** … and this many bytes. */
  queueBytes: 512 << 10,
  /** The queue's bytes while all queues together hold more than `memoryPressure`. */
  queueBytesUnderPressure: 32 << 10,
  /** All the memory that packets may wait in before every queue is kept short. */
  memoryPressure: 256 << 20,
  /** Pongs, PeerGone and the like wait in at most this many bytes. */
  controlQueueBytes: 64 << 10,

  /** The sizes of batch buffers; the last holds the largest frame (65,573) and four whole TLS records (65,536). */
  batchBufferSizes: [2 << 10, 16 << 10, 66 << 10],
  /** Free batch buffers of one size kept for the next use, bytes. */
  freeBatchBytes: 8 << 20,

  /** A sender whose packet meets a queue this full is not read for a moment, while the relay is saturated. */
  pushBackQueueBytes: 128 << 10,
  /** The longest such moment. */
  pushBackTime: 5,
  /** A write under way for longer than this says that the receiver, not the relay, is slow. */
  slowReceiverTime: 10,
  /** One under way for this long is not worth waiting for, even while the relay is saturated. */
  stuckReceiverTime: 200,
  /** The relay is saturated when its turns took up this share of the last window. */
  saturatedShare: 0.7,
  /** The window. */
  saturationWindow: 50,

  /** How often stuck writes are looked for. */
  writeCheckInterval: 250,
  /** Mesh peers get more patience than clients before a stuck write disconnects them. */
  meshWriteTimeout: 30_000,

  /** "Not here" answers: so many at once, and one a second after that. */
  peerGoneBurst: 3,
  /** Bytes of frames that a client may send ahead while it is being admitted. */
  heldWhileAdmitting: 128 << 10,

  /** tailscaled, and the admission URL with all attempts, must answer a question in this time; together in 10 s. */
  admissionTimeout: 5_000,
  /** A URL that fails (not: says no) is asked so many times more, after pauses of about this long and twice this. */
  admissionRetries: 2,
  admissionRetryPause: 200,
  /** Longer answers are not read. tailscaled sends all it knows of a node. */
  tailscaledAnswerBytes: 1 << 20,
  admissionUrlAnswerBytes: 4 << 10,
  /** Questions under way at once; more wait. */
  admissionConnections: 16,
  /** A connection is kept this long for the next question: less than servers keep theirs. */
  admissionIdleConnection: 4_000,
  /** Answers are believed for this long, so that a key that reconnects again and again is asked about once … */
  admissionYesLifetime: 10_000,
  admissionNoLifetime: 3_000,
  /** … and so many are kept. */
  admissionAnswers: 20_000,
  /** Clients that are in are asked about again this often … */
  admissionRecheckInterval: 300_000,
  /** … with this pause between two questions, but all within this time. */
  admissionRecheckPause: 20,
  admissionRecheckSpread: 60_000,
  /** The longest key file, and its longest line in characters. */
  keyListBytes: 2 << 20,
  keyListLineLength: 1_024,

  /** So many clients at once are told of another rate. */
  serverInfosAtOnce: 50,

  /** The longest file of addresses that are let in or kept out: some 200,000 ranges. */
  addressListBytes: 4 << 20,
  /** The machine's own addresses are looked up again after this time. */
  ownAddressesLifetime: 10_000,

  /** Clients are told to come back within this time after a restart notice; each gets a random part of it. */
  restartSpread: 1000,
  /** … and to go on trying for this long. */
  restartTryFor: 60_000,

  /** When all that was queued has been sent, clients get this long to take it and to close their side. */
  linger: 300,

  /** How long the meta certificate is valid, before and after now, days. */
  metaCertificateDays: 30,
  /** It is made anew when fewer days than this are left. */
  metaCertificateRenewDays: 7,

  /** How often the dates of both certificates are looked at, and a warning given if there is reason for one. */
  certificateCheckInterval: 3_600_000,
  /** The certificate's end is near when fewer hours than this are left. */
  certificateWarningHours: 72,
  /** Changed files are read when nothing has happened to them for this long … */
  fileSettleTime: 1_000,
  /** … or, where something happens all the time, after this. */
  fileSettleAtMost: 10_000,
  /** Files are looked at this often where the system does not tell of changes. */
  filePollInterval: 60_000,

  /** The longest answer to an http-01 challenge, and the longest PEM file for a tls-alpn-01 challenge. */
  challengeAnswerBytes: 4 << 10,
  challengeCertificateBytes: 64 << 10,

  /** So many of the files that the process may have open are not used for connections. */
  spareFiles: 128,

  /** STUN answers a second for one IPv4 address or one IPv6 /64. */
  stunAnswersPerSecond: 200,
  /** The event loop has stalled when a timer that ticks this often … */
  stallTick: 20,
  /** … comes this much too late. */
  stallTime: 50,
  /** Internet noise is summed up in the log this often. */
  noiseInterval: 60_000,
  /** Names for /bootstrap-dns are resolved this often. */
  bootstrapDnsInterval: 600_000,
} as const;
