import { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import tls from 'node:tls';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { agentOptions, finishAgent, toCommonJs } from '../../../targets/sbc/bundle.mjs';
import { PRIVATE_NAMES as LINES } from '../../../targets/sbc/private.mjs';

const PRIVATE_NAMES = [...new Set(LINES.flat())];
const root = path.resolve(import.meta.dirname, '../../..');
const { outputFiles } = await build({ ...agentOptions('0.0.0'), absWorkingDir: root });
const bundle = await finishAgent(outputFiles[0]!.text);

/** Every name of the object and of what it inherits. */
function namesOf(given: unknown): string[] {
  const names: string[] = [];
  for (let at = given; at !== null && at !== undefined; at = Object.getPrototypeOf(at))
    names.push(...Object.getOwnPropertyNames(at));
  return names;
}

test('no private name is one that Node or the language gives to an object', () => {
  const types = [Map, Set, Array, String, Number, RegExp, Date, Promise, Error, DataView, TextDecoder, Buffer];
  const objects = [fs, net, tls, path, process, JSON, Math, Object, Number, Array, Date, Promise, Buffer, globalThis];
  const more = [ChildProcess, StringDecoder, net.Socket, net.Server, tls.TLSSocket, fs.Stats].map((it) => it.prototype);
  const taken = new Set([...objects, ...types.map((type) => type.prototype), ...more].flatMap(namesOf));
  assert.equal(
    PRIVATE_NAMES.filter((name) => taken.has(name)),
    [],
  );
});

test('no private name is a word on the wire, in the record, in a log line, in a document or in the settings', () => {
  const words = `jobId thingName status statusDetails queuedAt startedAt lastUpdatedAt versionNumber executionNumber
    jobDocument timestamp clientToken execution executionState code message includeJobDocument expectedVersion
    phase step steps name outcome job reason progress stdout stderr time level version conditions includeStdOut finalStep
    action type input command handler args path runAsUser allowStdErr ignoreStepFailure key value endpoint port thing ca
    cert data handlers log config host servername secureContext noDelay
    open write close persist run signal wake exit uid gid cwd env`.split(/\s+/);
  assert.equal(
    words.filter((word) => PRIVATE_NAMES.includes(word)),
    [],
  );
});

test('no private name is asked for by `in`, or read as a text in brackets', () => {
  const asked = (name: string) => new RegExp(`["'\`]${name}["'\`] ?(in\\b|\\])`).test(bundle);
  assert.ok(asked('status'), 'a request is asked so for its status, which is why that keeps its name');
  assert.equal(PRIVATE_NAMES.filter(asked), []);
});

test('an error with a sentence is thrown in one place of the file, which the others call', () => {
  assert.is(bundle.split(/throw (?:new )?Error\(/).length, 2);
});

test("the agent asks for each of Node's modules once, and for each of its functions once", () => {
  const asked = [...bundle.matchAll(/\{([^{}]+)\}=require\("([^"]+)"\)/g)];
  const functions = asked.flatMap(([, names = '', module]) =>
    names.split(',').map((name) => `${module} ${name.replace(/:.*/, '')}`),
  );
  assert.is(asked.length, new Set(asked.map(([, , module]) => module)).size);
  assert.is(functions.length, new Set(functions).size);
});

test('toCommonJs: turns imports by name into one const, and refuses what it does not foresee', () => {
  const code = 'import{join as a}from"node:path";import{isIP}from"node:net";a(isIP())';
  assert.is(toCommonJs(code), '"use strict";const {join:a}=require("node:path"),{isIP}=require("node:net");a(isIP())');
  assert.throws(() => toCommonJs('import a from"node:path";a()'), /unforeseen/);
  assert.throws(() => toCommonJs('export{a as b};'), /unforeseen/);
});

test.run();
