/**
 * Loaded before a program that is measured, with --expose-gc: at SIGUSR2 all that nobody needs any more is collected, and
 * `collected`, and how many bytes are left, is printed.
 */
process.on('SIGUSR2', () => {
  globalThis.gc();
  // Of buffers the memory is given back beside the collection that finds them unused; the next one waits for that.
  setImmediate(() => {
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    console.log(`collected, ${heapUsed + external} bytes are left`);
  });
});
