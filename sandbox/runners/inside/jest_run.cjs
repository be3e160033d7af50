// Runs jest, 27 to 30, and is its reporter: each test as it ends, in frames on stdout. Nothing of the workspace runs before.
'use strict';
const { createRequire } = require('node:module');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const coverage = require('./coverage.cjs');
const frames = require('./frames.cjs');

// The runner comes out of the environment that a person approved, never out of the workspace.
const FROM = createRequire('/any.js');
const OUTCOMES = { passed: 'passed', failed: 'failed' };
const report = frames.openReport(frames.openFrames());
const { plain } = frames;
const idOf = (file, one) => [frames.shown(file), ...one.ancestorTitles, one.title].join(' > ');

// What `expect` throws is named Error; it is an assertion like any other.
function messageOf(one) {
  const claims = /^(?:\w*Error(?: \[ERR_ASSERTION\])?: )?(?=(?:expect|assert)\b)/;
  return (one.failureMessages ?? []).map((text) => plain(text).replace(claims, 'AssertionError: ')).join('\n');
}

class Reporter {
  #marks = new Map();
  #told = new Map();
  #errors = 0;

  onTestCaseStart(test, one) {
    report.started(idOf(test.path, one));
  }

  onTestCaseResult(test, one) {
    this.#tell(test.path, one);
  }

  onTestResult(test, result) {
    // Most tests have been told as they ended; those that were skipped have not, in some versions.
    const live = this.#told.get(test.path) ?? [];
    for (const one of result.testResults) {
      const at = live.indexOf(idOf(test.path, one));
      if (at >= 0) live.splice(at, 1);
      else this.#tell(test.path, one);
    }
    const error = result.testExecError ?? (result.failureMessage && !result.testResults.length ? { message: result.failureMessage } : null);
    if (error) {
      this.#errors += 1;
      report.case(frames.shown(test.path), 'error', 0, plain(result.failureMessage || error.stack || error.message));
    }
    for (const line of result.console ?? []) report.text(`${line.message}\n`);
    this.#cover(result.coverage ?? {});
  }

  onRunComplete(_, results) {
    report.finished(results.numTotalTests + this.#errors, coverage.lines(this.#marks));
  }

  #tell(file, one) {
    const id = idOf(file, one);
    this.#told.set(file, [...(this.#told.get(file) ?? []), id]);
    const outcome = OUTCOMES[one.status] ?? 'skipped';
    report.case(id, outcome, (one.duration ?? 0) / 1000, outcome === 'failed' ? messageOf(one) : '');
  }

  #cover(files) {
    const places = coverage.measuredPlaces();
    for (const [file, { statementMap, s, branchMap, b, inputSourceMap }] of Object.entries(files)) {
      const path = places.get(file);
      if (!path) continue;
      const marks = Object.entries(statementMap).map(([id, place]) => [place.start.line, s[id] > 0]);
      for (const [id, { type, locations }] of Object.entries(branchMap)) {
        if (type !== 'cond-expr' && type !== 'binary-expr') continue;
        locations.forEach((place, at) => marks.push([place.start.line, b[id][at] > 0]));
      }
      const written = inputSourceMap ? coverage.sourceLines(inputSourceMap, marks) : marks;
      this.#marks.set(path, coverage.merged(this.#marks.get(path), written));
    }
  }
}
module.exports = Reporter;

function options() {
  const measured = [...coverage.measuredPlaces().values()];
  // A snapshot that nobody has stored is no expectation: with --ci it fails instead of being written.
  const own = ['--ci', '--watchAll=false', '--watchman=false', `--reporters=${__filename}`, '--passWithNoTests=false'];
  if (!measured.length) return [...own, '--coverage=false'];
  const files = measured.map((path) => `--collectCoverageFrom=${path.replace(/[[\](){}!*?+@]/g, '\\$&')}`);
  const folder = join(tmpdir(), 'jest-coverage');
  return [...own, '--coverage', '--coverageProvider=babel', '--coverageReporters=none', '--coverageThreshold={}', `--coverageDirectory=${folder}`, ...files];
}

// `--` stands between the project's own arguments and the files that are asked for.
function argumentsOf(words) {
  const at = words.indexOf('--');
  const kept = words.slice(0, at).filter((word) => !/^--(?:watch|watchAll|reporters|coverage|collectCoverage|silent|json|updateSnapshot|onlyChanged|shard)\b|^-[uo]$/.test(word));
  const files = words.slice(at + 1).map((file) => resolve(file).replace(/[[\](){}!*?+.^$|\\]/g, '\\$&'));
  return [...options(), ...kept, ...files];
}

function main() {
  process.env.NODE_ENV ??= 'test';
  Object.assign(process.env, { CI: 'true', NO_COLOR: '1', FORCE_COLOR: '0' });
  let jest;
  try {
    jest = FROM('jest');
  } catch (error) {
    const missing = error.code === 'MODULE_NOT_FOUND';
    const message = missing ? "Cannot find package 'jest': the project's tests need it, and it is not installed here." : String(error.stack);
    report.case('jest', 'error', 0, message);
    report.finished(1, []);
    process.exit(1);
  }
  jest.run(argumentsOf(process.argv.slice(2)));
}

if (require.main === module) main();
