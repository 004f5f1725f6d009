/** Called at the end of each job: prints what the jobs after the warm-up took, once, as `{"cpuMicros":...,"millis":...}` per job. */
export function createCounter(warmup: number, jobs: number): () => void {
  let ended = 0;
  let cpu = process.cpuUsage();
  let since = process.hrtime.bigint();
  return () => {
    ended++;
    if (ended === warmup) {
      cpu = process.cpuUsage();
      since = process.hrtime.bigint();
    }
    if (ended !== warmup + jobs) return;
    const { user, system } = process.cpuUsage(cpu);
    const millis = Number(process.hrtime.bigint() - since) / 1e6;
    console.log(JSON.stringify({ cpuMicros: (user + system) / jobs, millis: millis / jobs }));
  };
}
