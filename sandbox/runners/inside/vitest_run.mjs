// Runs vitest, 1 to 4, and reports each test as it ends, in frames on stdout. Nothing of the workspace runs before it.
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import coverage from './coverage.cjs';
import frames from './frames.cjs';

const report = frames.openReport(frames.openFrames());
const HERE = dirname(fileURLToPath(import.meta.url));
// The runner comes out of the environment that a person approved, never out of the workspace.
const FROM = createRequire('/any.js');
// A snapshot that nobody has stored is no expectation: with CI it fails instead of being written.
Object.assign(process.env, { CI: 'true', NO_COLOR: '1', FORCE_COLOR: '0' });

const { plain } = frames;

function messageOf(errors) {
  return (errors ?? [])
    .map((error) => {
      const name = /^Snapshot /.test(error.message) ? 'AssertionError' : (error.name ?? 'Error');
      const places = String(error.stack ?? error.stackStr ?? '').match(/^ +at .*$/gm) ?? [];
      return plain([`${name}: ${error.message ?? error}`, error.diff ?? '', ...places].filter(Boolean).join('\n'));
    })
    .join('\n');
}

function idOf(task) {
  const names = [];
  let file = task;
  while (file.suite || (file.file && file.file !== file)) {
    if (file.name) names.unshift(file.name);
    file = file.suite ?? file.file;
  }
  return [frames.shown(task.file?.filepath ?? task.filepath), ...names].join(' > ');
}

function outcomeOf(task) {
  const state = task.result?.state;
  if (task.mode === 'skip' || task.mode === 'todo' || state === 'skip' || state === 'todo') return 'skipped';
  if (state === 'pass') return task.fails ? 'xfailed' : 'passed';
  return state === 'fail' ? 'failed' : '';
}

const told = new Set();
function tell(task) {
  const outcome = outcomeOf(task);
  if (!outcome || told.has(task.id)) return;
  told.add(task.id);
  report.case(idOf(task), outcome, (task.result?.duration ?? 0) / 1000, outcome === 'failed' ? messageOf(task.result.errors) : '');
}

// How many tests there are below; what failed around them, as a file that cannot be read, counts as one.
function count(task) {
  if (task.type === 'test' || task.type === 'custom') {
    tell(task);
    return 1;
  }
  let found = 0;
  for (const inner of task.tasks ?? []) found += count(inner);
  if (task.result?.errors?.length) {
    report.case(idOf(task), 'error', 0, messageOf(task.result.errors));
    found += 1;
  }
  return found;
}

const reporter = {
  onUserConsoleLog: (log) => report.text(log.content),
  onTestCaseReady: (test) => report.started(idOf(test.task)),
  onTestCaseResult: (test) => tell(test.task),
};

function covered() {
  if (!coverage.measuredPlaces().size) return { enabled: false };
  return { enabled: true, provider: 'custom', customProviderModule: join(HERE, 'vitest_coverage.mjs') };
}

async function main(words) {
  let path;
  try {
    path = FROM.resolve('vitest/node');
  } catch {
    report.case('vitest', 'error', 0, "Cannot find package 'vitest': the project's tests need it, and it is not installed here.");
    report.finished(1, []);
    process.exit(1);
  }
  const { parseCLI, startVitest } = await import(pathToFileURL(path));
  const { filter, options } = parseCLI(['vitest', 'run', ...words], { allowUnknownOptions: true });
  for (const name of ['reporter', 'outputFile', 'ui', 'open', 'api', 'inspect', 'inspectBrk', 'changed', 'shard', 'update', 'u']) delete options[name];
  Object.assign(options, { root: process.cwd(), run: true, watch: false, reporters: [reporter], allowOnly: true, coverage: covered() });
  Object.assign(options, { passWithNoTests: false, dangerouslyIgnoreUnhandledErrors: false, update: false });
  const vitest = await startVitest('test', filter, options, { cacheDir: join(tmpdir(), 'vite') });
  const files = vitest.state.getFiles();
  let collected = 0;
  for (const file of files) collected += count(file);
  for (const error of vitest.state.getUnhandledErrors()) {
    report.case('unhandled error', 'error', 0, messageOf([error]));
    collected += 1;
  }
  report.finished(collected, coverage.lines(vitest.coverageProvider?.marks ?? new Map()));
  await vitest.exit();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exit(1);
}
