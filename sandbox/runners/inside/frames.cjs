// What the reporters of Node.js test runners share: the secret of the frames, the frames, and what is in them.
'use strict';
const { closeSync, openSync, readFileSync, readSync, writeSync } = require('node:fs');
const { relative } = require('node:path');
const { fileURLToPath } = require('node:url');

const LIMIT = 8000;

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

const escaped = (value) => JSON.stringify(value).replace(/[\x7f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

// To be called before any code of the workspace runs. Whoever has the function that it gives can report.
function openFrames() {
  const nonce = takeNonce();
  return (kind, fields) => `\x1e${nonce}:${escaped({ kind, ...fields })}\x1f`;
}

const cut = (text) => (text.length > LIMIT ? `${text.slice(0, LIMIT / 2)}\n[...]\n${text.slice(-LIMIT / 2)}` : text);

// Node.js 18 names the files of ES modules by their address.
const shown = (file) => relative(process.cwd(), file.startsWith('file:') ? fileURLToPath(file) : file);

// What bundlers and runners say in words of their own, in those of Node.js; without colours.
function plain(text) {
  const words = String(text ?? '')
    .replace(/\x1b\[[0-9;]*m/g, '')
    .replace(/Failed to load url (\S+) \(/g, "Cannot find module '$1' (")
    .replace(/\(0 ?, ?[\w$]+\.([\w$]+)\)/g, '$1');
  return /Cannot find module '|Failed to resolve import "/.test(words) ? `${words}\ncode: 'MODULE_NOT_FOUND'` : words;
}

// Two tests may have one name: the second is numbered.
function unique(seen, id) {
  const times = (seen.get(id) ?? 0) + 1;
  seen.set(id, times);
  return times > 1 ? `${id} (${times})` : id;
}

// A reporter that writes for itself: cases as they end, and at the end how many there were.
function openReport(frame) {
  const write = process.stdout.write.bind(process.stdout);
  const seen = new Map();
  let reported = 0;
  return {
    started: (id) => write(frame('started', { name: id })),
    text: (text) => write(text),
    case(id, outcome, seconds, message) {
      reported += 1;
      const named = unique(seen, id);
      const told = cut(message ?? '');
      write(frame('case', { case: { id: named, outcome, duration_s: seconds, message: told } }));
      const bad = outcome === 'failed' || outcome === 'error';
      write(`${bad ? 'not ok' : 'ok'} ${named}${outcome === 'skipped' ? ' # skipped' : ''}\n${told ? `${told}\n` : ''}`);
    },
    finished(collected, covered) {
      for (const [name, lines] of covered) write(frame('coverage', { name, ...lines }));
      write(frame('collected', { count: collected }));
      write(frame('finished', { count: reported }));
    },
  };
}

module.exports = { openFrames, openReport, cut, plain, shown, unique };
