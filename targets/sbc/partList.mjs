/**
 * What the agent's file may have beside its core (MQTT, step documents, the record), in the order of `--help`. A board that does
 * not need a part leaves it out: `node build.mjs --target sbc --without NAME,...`. targets/sbc/README.md says how to add one.
 */
export const PARTS = {
  ways: { what: 'several endpoints tried in order, an HTTP proxy, TLS alerts as AWS Device Advisor wants them' },
  https: { what: 'the HTTPS data plane as one of the endpoints', needs: ['ways'] },
  doctor: { what: 'for the person at the board: doctor, status, run FILE, install, metrics' },
  guards: { what: 'time limits, restarts, repeatable steps, clean-up and conditions in documents' },
  builtins: {
    what: "the handlers of AWS's managed templates, so that no scripts have to be installed",
    needs: ['guards'],
  },
  downloads: { what: 'download-file.sh and errand:download: resumed, checked, signed', needs: ['guards'] },
  legacy: { what: "AWS IoT Device Client's settings and old documents", needs: ['guards'] },
  jobsagent: { what: "the operations of the SDK's jobs-agent.js", needs: ['downloads', 'legacy'] },
  provisioning: { what: 'an identity by a claim certificate, and rotate-certificate', needs: ['guards'] },
  pkcs11: { what: 'a private key in a PKCS#11 token or a TPM, by an engine of OpenSSL', needs: ['ways'] },
};

/** Every part, by name. */
export const ALL_PARTS = Object.keys(PARTS);

/**
 * The parts that a board wants.
 *
 * @param given  the words behind `--with` or `--without`: names with commas between them
 * @throws Error, one sentence: an unknown part, or one that lacks what it is built on
 */
export function chooseParts(how, given) {
  const named = given.split(',').filter((name) => name);
  for (const name of named)
    if (!ALL_PARTS.includes(name)) throw new Error(`${how} '${name}' is no part: expected ${ALL_PARTS.join(', ')}`);
  const chosen = ALL_PARTS.filter((name) => named.includes(name) === (how === '--with'));
  for (const name of chosen)
    for (const need of PARTS[name].needs ?? [])
      if (!chosen.includes(need)) throw new Error(`${how} ${given}: part ${name} needs part ${need}`);
  return chosen;
}

/**
 * What esbuild puts in place of the names that targets/sbc/parts.ts and runtime/parts.ts ask for. The part `custom` comes with handlers
 * of one's own (`--handlers`), not by its name.
 */
export function defines(chosen) {
  return Object.fromEntries(
    [...ALL_PARTS, 'custom'].map((name) => [
      `ERRAND_WITHOUT_${name.toUpperCase()}`,
      chosen.includes(name) ? 'undefined' : 'true',
    ]),
  );
}
