// Which lines of the files in MIRACLE_MEASURED ran, out of what V8 counts. A mark is [line, whether it ran].
'use strict';
const { readdirSync, readFileSync, unlinkSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { fileURLToPath } = require('node:url');

const MOST_LINES = 20000;
const TOKEN = /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|(?<=[=(,:[!&|?{};]\s{0,9})\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/|[\w$]+/g;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

// Whether the code at each of these offsets, in ascending order, ran: the innermost range around it says so.
function ranAt(functions, offsets) {
  const ranges = functions.flatMap((one) => one.ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const open = [];
  let next = 0;
  return offsets.map((offset) => {
    while (next < ranges.length && ranges[next].startOffset <= offset) open.push(ranges[next++]);
    while (open.length && open[open.length - 1].endOffset <= offset) open.pop();
    // A range that ended may still lie below one that goes on.
    for (let at = open.length - 1; at >= 0; at -= 1) if (open[at].endOffset > offset) return open[at].count > 0;
    return true;
  });
}

function starts(text) {
  const found = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) found.push(at + 1);
  return found;
}

// The marks of a file that runs as it is written: one for each word and literal, none for comments.
function plainMarks(text, functions) {
  const begins = starts(text);
  const offsets = [];
  const lines = [];
  let line = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match[0].startsWith('//') || match[0].startsWith('/*')) continue;
    while (line + 1 < begins.length && begins[line + 1] <= match.index) line += 1;
    offsets.push(match.index);
    lines.push(line + 1);
  }
  return ranAt(functions, offsets).map((ran, at) => [lines[at], ran]);
}

// [generated line, generated column, source line] of each segment of a source map; all from 0.
function* segments(mappings) {
  let source = 0;
  let row = 0;
  let line = 0;
  for (const group of mappings.split(';')) {
    let column = 0;
    for (const segment of group ? group.split(',') : []) {
      const values = [];
      let value = 0;
      let shift = 0;
      for (const letter of segment) {
        const bits = BASE64.indexOf(letter);
        value += (bits & 31) * 2 ** shift;
        shift += 5;
        if (bits & 32) continue;
        values.push(value & 1 ? -(value >> 1) : value >> 1);
        value = shift = 0;
      }
      column += values[0];
      if (values.length < 4) continue;
      source += values[1];
      line += values[2];
      if (source === 0) yield [row, column, line];
    }
    row += 1;
  }
}

// The marks of a file that was translated before it ran; `shift` characters stand before its translation.
function mappedMarks(text, functions, map, shift) {
  const begins = starts(text);
  const found = [];
  for (const [row, column, line] of segments(map.mappings)) {
    const offset = row === 0 ? shift + column : begins[row] + column;
    if (/[\w$"'`]/.test(text[offset] ?? '')) found.push([offset, line + 1]);
  }
  found.sort((a, b) => a[0] - b[0]);
  const ran = ranAt(functions, found.map((one) => one[0]));
  return found.map(([, line], at) => [line, ran[at]]);
}

// Marks of lines of a translation as marks of the lines that it was made from.
function sourceLines(map, marks) {
  const first = new Map();
  for (const [row, , line] of segments(map.mappings)) if (!first.has(row)) first.set(row, line + 1);
  return marks.filter(([line]) => first.has(line - 1)).map(([line, ran]) => [first.get(line - 1), ran]);
}

// Code that several processes loaded ran when it ran in one of them.
function merged(known, marks) {
  if (!known || known.length !== marks.length) return known && known.length > marks.length ? known : marks;
  return known.map(([line, ran], at) => [line, ran || marks[at][1]]);
}

const measured = () => JSON.parse(process.env.MIRACLE_MEASURED ?? '[]');

// The files that are measured, by their full path.
const measuredPlaces = () => new Map(measured().map((path) => [resolve(path), path]));

// Take what ended processes left in NODE_V8_COVERAGE into the marks, and the files away: /tmp is small.
function sweep(found) {
  const folder = process.env.NODE_V8_COVERAGE;
  const places = measuredPlaces();
  if (!folder || !places.size) return;
  let names = [];
  try {
    names = readdirSync(folder);
  } catch {
    return; // Nothing has ended yet.
  }
  for (const name of names) {
    try {
      const file = join(folder, name);
      const { result } = JSON.parse(readFileSync(file, 'utf8'));
      unlinkSync(file);
      for (const { url, functions } of result) {
        const path = url.startsWith('file:') ? places.get(fileURLToPath(url)) : undefined;
        if (path) found.set(path, merged(found.get(path), plainMarks(readFileSync(path, 'utf8'), functions)));
      }
    } catch {
      // It is still being written, or a test made it: what nobody can read covers nothing.
    }
  }
}

// [path, {ran, missing}] of each measured file: a line ran when all that begins on it did, in a file that was loaded.
function* lines(found) {
  for (const path of measured()) {
    const marks = found.get(path);
    let all;
    try {
      all = new Map(marks ? marks.map(([line]) => [line, true]) : starts(readFileSync(path, 'utf8')).map((_, at) => [at + 1, false]));
    } catch {
      continue; // It is gone.
    }
    for (const [line, ran] of marks ?? []) if (!ran) all.set(line, false);
    const told = [...all.keys()].sort((a, b) => a - b);
    if (told.length > MOST_LINES) continue;
    yield [path, { ran: told.filter((line) => all.get(line)), missing: told.filter((line) => !all.get(line)) }];
  }
}

module.exports = { lines, mappedMarks, measuredPlaces, merged, plainMarks, sourceLines, sweep };
