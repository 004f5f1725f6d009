import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as iot from '@aws-sdk/client-iot';
import type { Child } from '../../child.ts';
import { type Board, openBoard } from '../../torture/agent/board.ts';
import { createModel } from '../../torture/model.ts';
import { openOperator } from '../../torture/operator.ts';
import { openTortured } from '../../torture/service.ts';
import { arnOf } from '../house.ts';

export interface Ended {
  status: string;
  details: Record<string, string>;
}

/** The built service and boards with the built agents, without a process for each thing that an operator asks. */
export interface Stand {
  folder: string;
  board(thingName: string, full?: boolean): Promise<Board>;
  job(board: Board, jobId: string, steps: object[], more?: object): Promise<void>;
  execution(board: Board, jobId: string): Promise<Ended>;
  /** Creates a job, and waits until the agent has been told that its report was accepted. */
  run(board: Board, agent: Child, jobId: string, steps: object[]): Promise<Ended>;
  end(): Promise<void>;
}

export async function openStand(): Promise<Stand> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'errand-stand-'));
  const service = await openTortured();
  const operator = openOperator(service, createModel());
  const boards: Board[] = [];
  const job: Stand['job'] = async ({ thingName }, jobId, steps, more = {}) => {
    const document = JSON.stringify({ version: '1.0', includeStdOut: true, steps, ...more });
    const command = new iot.CreateJobCommand({ jobId, targets: [arnOf(thingName)], document });
    await operator.sure((client) => client.send(command));
  };
  const execution: Stand['execution'] = async ({ thingName }, jobId) => {
    const command = new iot.DescribeJobExecutionCommand({ jobId, thingName });
    const { execution } = await operator.sure((client) => client.send(command));
    return { status: execution!.status!, details: execution!.statusDetails?.detailsMap ?? {} };
  };
  return {
    folder,
    async board(thingName, full = false) {
      const identity = await operator.enrol(thingName);
      const board = openBoard(path.join(folder, thingName), service.endpoints, identity, full);
      boards.push(board);
      return board;
    },
    job,
    execution,
    async run(board, agent, jobId, steps) {
      await job(board, jobId, steps);
      await agent.line(new RegExp(`job ${jobId}: report accepted`));
      return execution(board, jobId);
    },
    async end() {
      for (const board of boards) await board.kill('all');
      operator.close();
      await service.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const sh = (name: string, script: string, more: object = {}) => ({
  action: { name, type: 'runCommand', input: { command: `/bin/sh,-c,${script.replaceAll(',', '\\,')}` }, ...more },
});
