import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { compile, INCLUDE, PARTS, WARNINGS } from './device.ts';
import {
  BOARDS,
  callGraph,
  deepestStack,
  functions,
  inFolder,
  linked,
  RAM_BUDGET,
  structureBytes,
  without,
} from './sizes.ts';

const test = suite('the C library on its boards');

test('the header declares what is measured', () => assert.is(functions.length, 23));

for (const board of BOARDS)
  if (hasTool(`${board.tool}-gcc`, board.debian)) {
    test(`${board.name}: link and bodies keep the budget; everything stays under what it reached`, () => {
      const some = linked(board, without('pull', 'jobs'));
      const firmware = linked(board, without('jobs'));
      const all = linked(board, functions);
      console.log(
        `\n  ${board.name} -Os: link and bodies ${some} B, with firmware and SHA-256 ${firmware} B, with jobs ${all} B ROM; budget ${board.budget} B`,
      );
      assert.ok(some <= board.budget, `${some} bytes: expected at most ${board.budget}`);
      assert.ok(firmware <= board.firmware, `${firmware} bytes: expected at most ${board.firmware}`);
      assert.ok(all <= board.reached, `${all} bytes: expected at most ${board.reached}`);
    });

    test(`${board.name}: nothing recurses, and the deepest stack is known`, () => {
      const { bytes, name } = deepestStack(board);
      console.log(`\n  ${board.name} -Os: deepest stack ${bytes} B, in ${name}, the caller's flash functions apart`);
      assert.ok(bytes <= 256, `${bytes} bytes in ${name}`);
      const { frames, calls } = callGraph(board);
      assert.ok(frames.size > 24, 'the call graph has the static functions too');
      assert.ok(calls.get('errand_pull_verify')?.includes('sum'), 'and who calls whom');
    });

    test(`${board.name}: the structures of a link, a transfer and jobs fit ${RAM_BUDGET} bytes, and stay under what they reached`, () => {
      const bytes = structureBytes(board);
      assert.ok(board.ram <= RAM_BUDGET);
      assert.ok(bytes <= board.ram, `${bytes} bytes: expected at most ${board.ram}`);
    });
  }

for (const program of ['gcc', 'clang'])
  if (hasTool(program, program))
    test(`${program} has no warning, and finds no heap in it`, () =>
      inFolder((folder) => {
        for (const part of PARTS) {
          const object = path.join(folder, 'part.o');
          compile(program, [...WARNINGS, '-O2', INCLUDE, '-c', part, '-o', object]);
          assert.not.match(compile('nm', ['-u', object]), /alloc|free/);
        }
      }));

test.run();
