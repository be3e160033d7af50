// A coverage provider for vitest: the lines of the measured files that ran, in the files as they are written.
import inspector from 'node:inspector';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { mappedMarks, measuredPlaces, merged } = createRequire(import.meta.url)('./coverage.cjs');
const MAP = /^\/\/# sourceMappingURL=data:application\/json[^,]*;base64,([A-Za-z0-9+/=]+)\s*$/gm;

// Vitest may load this file once to start and once more to take what was counted.
const SESSION = Symbol.for('miracle.coverage');
const post = (method, parameters) =>
  new Promise((done, failed) => globalThis[SESSION].post(method, parameters, (error, result) => (error ? failed(error) : done(result))));

// The marks of a script; none where nothing tells which lines of the file it was made from.
async function marksOf({ scriptId, functions }) {
  const { scriptSource } = await post('Debugger.getScriptSource', { scriptId });
  const map = [...scriptSource.matchAll(MAP)].pop();
  if (!map) return undefined;
  const wrapper = /^'use strict';async \([^)]*\)=>\{\{/.exec(scriptSource);
  return mappedMarks(scriptSource, functions, JSON.parse(Buffer.from(map[1], 'base64').toString('utf8')), wrapper?.[0].length ?? 0);
}

class Provider {
  name = 'miracle';
  marks = new Map();
  initialize(vitest) {
    this.options = vitest.config.coverage;
  }
  resolveOptions() {
    return { ...this.options, reporter: [], include: [], exclude: [] };
  }
  clean() {}
  onAfterSuiteRun({ coverage }) {
    for (const [path, marks] of coverage ?? []) this.marks.set(path, merged(this.marks.get(path), marks));
  }
  generateCoverage() {}
  reportCoverage() {}
}

export default {
  getProvider: () => new Provider(),
  async startCoverage() {
    globalThis[SESSION] = new inspector.Session();
    globalThis[SESSION].connect();
    await post('Profiler.enable');
    await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  },
  async takeCoverage() {
    const { result } = await post('Profiler.takePreciseCoverage');
    const places = measuredPlaces();
    await post('Debugger.enable');
    const found = [];
    for (const script of result) {
      const path = places.get(script.url.startsWith('file:') ? fileURLToPath(script.url) : script.url.split('?')[0]);
      const marks = path ? await marksOf(script) : undefined;
      if (marks) found.push([path, marks]);
    }
    await post('Debugger.disable');
    return found;
  },
  async stopCoverage() {
    globalThis[SESSION].disconnect();
  },
};
