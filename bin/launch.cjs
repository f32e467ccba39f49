'use strict';
// Plain ES5, so that even a very old Node gets the sentence below instead of a syntax error.

/** True for the releases named in package.json's "engines": 20.19 and later 20s, 22.12 and everything after it. */
function isSupported(version) {
  var parts = version.split('.');
  var major = Number(parts[0]);
  var minor = Number(parts[1]);
  if (major === 20) return minor >= 19;
  if (major === 22) return minor >= 12;
  return major > 22;
}

/** The Node that is brought along instead, and the words that do it. */
var BRING_NODE = ['npx', '-y', '-p', 'node@24', '-p', 'derp-setup'];

/** Goes on with a newer Node; ends this process as that one ends. */
function goOn(program) {
  var words = BRING_NODE.slice(1).concat(program, process.argv.slice(2));
  var child = require('node:child_process').spawn(BRING_NODE[0], words, { stdio: 'inherit' });
  // Ctrl-C reaches the child as well, which ends in good order.
  process.on('SIGINT', function () {});
  child.on('error', function (error) {
    process.stderr.write(program + ': npx could not be started: ' + error.message + '\n');
    process.exit(1);
  });
  child.on('exit', function (code) {
    process.exit(code === null ? 1 : code);
  });
}

/** Says in one line what to type; on a terminal offers to do that. */
function refuse(program) {
  var command = BRING_NODE.concat(program).join(' ');
  var reason = 'Node ' + process.versions.node + ' is too old (20.19 or 22.12 at least)';
  process.stderr.write(program + ': ' + reason + '; type:  ' + command + '\n');
  if (program !== 'derp-setup' || !process.stdin.isTTY || !process.stderr.isTTY) process.exit(2);
  process.stderr.write('Do that now? / 现在就这样做吗？ (Y/n) ');
  process.stdin.once('data', function (data) {
    var answer = String(data).trim().toLowerCase();
    process.stdin.pause();
    if (answer === '' || answer === 'y' || answer === 'yes') goOn(program);
    else process.exit(2);
  });
  process.stdin.once('end', function () {
    process.exit(2);
  });
}

/** Checks the Node version, then runs dist/<program>.js. Exit code 2 when Node is too old. */
module.exports = function launch(program) {
  if (isSupported(process.versions.node)) require('./load.cjs')(program);
  else refuse(program);
};
module.exports.isSupported = isSupported;
