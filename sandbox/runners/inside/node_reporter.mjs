// A reporter for `node --test` of Node.js 18 and later: each test as it ends, in frames on stdout.
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

// The secret of the frames, out of the environment and out of what /proc shows of it to the tests for good.
function takeNonce() {
  const nonce = process.env.MIRACLE_NONCE ?? '';
  delete process.env.MIRACLE_NONCE;
  let stat = '';
  try {
    stat = readFileSync('/proc/self/stat', 'latin1');
  } catch {
    return nonce; // No /proc: nobody reads it there.
  }
  if (!nonce) return nonce;
  const [start, end] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(47, 49).map(Number);
  const memory = openSync('/proc/self/mem', 'r+');
  const block = Buffer.alloc(end - start);
  readSync(memory, block, 0, block.length, start);
  const at = block.indexOf(nonce);
  if (at >= 0) writeSync(memory, '-'.repeat(nonce.length), start + at);
  closeSync(memory);
  return nonce;
}

const nonce = takeNonce();
const LIMIT = 8000;
const frame = (kind, fields) => `\x1e${nonce}:${escaped({ kind, ...fields })}\x1f`;
const escaped = (value) => JSON.stringify(value).replace(/[\x7f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
const cut = (text) => (text.length > LIMIT ? `${text.slice(0, LIMIT / 2)}\n[...]\n${text.slice(-LIMIT / 2)}` : text);

// Node.js 18 names the files of ES modules by their address.
const shown = (file) => relative(process.cwd(), file.startsWith('file:') ? fileURLToPath(file) : file);

function messageOf(error) {
  if (!error) return '';
  const cause = error.cause ?? error;
  return cut(typeof cause === 'object' ? String(cause.stack ?? cause.message ?? cause) : String(cause));
}

export default async function* report(source) {
  const names = new Map();
  const spoken = new Map();
  const seen = new Map();
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
    // Two tests may have one name.
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    const unique = times > 1 ? `${id} (${times})` : id;
    yield frame('case', { case: { id: unique, outcome, duration_s: seconds, message } });
    yield `${failed ? 'not ok' : 'ok'} ${unique}\n${message ? `${message}\n` : ''}`;
  }
  yield frame('collected', { count: reported + open });
  yield frame('finished', { count: reported });
}
