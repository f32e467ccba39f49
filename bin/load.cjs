'use strict';
// Apart from launch.cjs because old Nodes cannot even parse import().
module.exports = function load(program) {
  import('../dist/' + program + '.js').catch(function (error) {
    process.stderr.write(program + ': ' + (error && error.stack ? error.stack : error) + '\n');
    process.exit(1);
  });
};
