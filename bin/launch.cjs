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

/** Checks the Node version, then runs dist/<program>.js. Exit code 2 when Node is too old. */
module.exports = function launch(program) {
  if (!isSupported(process.versions.node)) {
    process.stderr.write(
      program +
        ': Node ' +
        process.versions.node +
        ' is too old (20.19 or 22.12 at least); type:  npx -y -p node@24 -p derp-setup ' +
        program +
        '\n'
    );
    process.exit(2);
  }
  require('./load.cjs')(program);
};
module.exports.isSupported = isSupported;
