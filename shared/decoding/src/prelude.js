(() => {
  const { getOwnPropertyDescriptor, ownKeys } = Reflect;
  const globals = globalThis, ItsDate = Date;
  globals.console = { log() {}, info() {}, warn() {}, error() {}, debug() {}, trace() {} };
  // Nothing that works together at the same time, and nothing to be let go of: there is no use for them here.
  for (const name of ["Atomics", "SharedArrayBuffer", "DisposableStack", "AsyncDisposableStack", "queueMicrotask"]) {
    delete globals[name];
  }
  // Declared variables can't be deleted; all else of the global object can, but for these three.
  const declared = () => {
    const keys = ownKeys(globals), names = [];
    for (let i = 0; i < keys.length; i++) {
      const name = keys[i];
      if (typeof name !== "string" || name === "NaN" || name === "Infinity" || name === "undefined") continue;
      if (!getOwnPropertyDescriptor(globals, name).configurable) names[names.length] = name;
    }
    return names;
  };
  return { date: (milliseconds) => new ItsDate(milliseconds), declared };
})();
