// A reporter for `node --test` of Node.js 18 and later: each test as it ends, in frames on stdout.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import coverage from './coverage.cjs';
import frames from './frames.cjs';

const { cut, shown, unique } = frames;
const frame = frames.openFrames();
const BESIDE = new Set(['node_modules', '.git']);

// The first test file that this Node.js cannot run, because it is TypeScript; nothing where it can.
function tooNew() {
  if (process.features.typescript) return '';
  const waiting = [''];
  for (let seen = 0; waiting.length && seen < 2000; seen += 1) {
    const folder = waiting.shift();
    for (const entry of readdirSync(folder || '.', { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !BESIDE.has(entry.name)) waiting.push(path);
      else if (/[._-]test\.[cm]?tsx?$/.test(entry.name)) return path;
    }
  }
  return '';
}

function messageOf(error) {
  if (!error) return '';
  const cause = error.cause ?? error;
  return cut(typeof cause === 'object' ? String(cause.stack ?? cause.message ?? cause) : String(cause));
}

export default async function* report(source) {
  const names = new Map();
  const spoken = new Map();
  const seen = new Map();
  const marks = new Map();
  let open = 0;
  let reported = 0;
  for await (const { type, data } of source) {
    const file = data?.file ? shown(data.file) : '';
    const path = names.get(file) ?? [];
    names.set(file, path);
    if (type === 'test:stdout' || type === 'test:stderr') {
      if (type === 'test:stderr') spoken.set(file, cut((spoken.get(file) ?? '') + data.message));
      yield data.message;
      continue;
    }
    if (type !== 'test:start' && type !== 'test:pass' && type !== 'test:fail') continue;
    path.length = data.nesting;
    path[data.nesting] = data.name;
    const whole = data.nesting === 0 && shown(data.name) === file;
    const id = whole ? file : `${file} > ${path.join(' > ')}`;
    if (type === 'test:start') {
      open += 1;
      yield frame('started', { name: id });
      continue;
    }
    open -= 1;
    const failed = type === 'test:fail';
    const kind = data.details?.error?.failureType;
    // A suite, or a test that only fails because of its subtests, is no test of its own.
    if (data.details?.type === 'suite' && (!failed || kind === 'subtestsFailed')) continue;
    reported += 1;
    let outcome = failed ? 'failed' : 'passed';
    if (failed && (whole || kind === 'hookFailed')) outcome = 'error';
    if (data.skip !== undefined && data.skip !== false) outcome = 'skipped';
    else if (data.todo !== undefined && data.todo !== false) outcome = failed ? 'xfailed' : 'skipped';
    let message = failed ? messageOf(data.details?.error) : '';
    if (failed && whole) message = spoken.get(file) || message;
    const seconds = (data.details?.duration_ms ?? 0) / 1000;
    const named = unique(seen, id);
    yield frame('case', { case: { id: named, outcome, duration_s: seconds, message } });
    yield `${failed ? 'not ok' : 'ok'} ${named}\n${message ? `${message}\n` : ''}`;
    if (data.nesting === 0) coverage.sweep(marks);
  }
  const typed = reported ? '' : tooNew();
  if (typed) {
    reported += 1;
    const message = `Node.js ${process.versions.node} does not run TypeScript: that needs Node.js 22.18 or later, or tests that vitest or jest runs.`;
    yield frame('case', { case: { id: typed, outcome: 'error', message } });
    yield `not ok ${typed}\n${message}\n`;
  }
  coverage.sweep(marks);
  for (const [name, lines] of coverage.lines(marks)) yield frame('coverage', { name, ...lines });
  yield frame('collected', { count: reported + open });
  yield frame('finished', { count: reported });
}
