// Loaded first into every test file's process: a test that ends the process with 0 would count as passed.
'use strict';
if (process.env.NODE_TEST_CONTEXT) {
  const write = require('node:fs').writeSync;
  const exit = process.exit;
  const reallyExit = process.reallyExit;
  const changed = (code) => {
    const wanted = Number(code ?? process.exitCode ?? 0);
    if (wanted !== 0) return wanted;
    try {
      write(2, 'process.exit(0) was called inside a test file: its tests did not finish.\n');
    } catch {
      // Nobody reads it any more.
    }
    return 87;
  };
  process.exit = (code) => exit.call(process, changed(code));
  process.reallyExit = (code) => reallyExit.call(process, changed(code));
}
