import { readFileSync } from 'node:fs';

/** A user of this machine, as programs are run. */
export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
  /** Groups beside `gid`. */
  groups: number[];
}

/**
 * Looks a user up where Linux keeps its local ones. Directories on the network (LDAP, SSSD) are not asked: that takes native code.
 *
 * @param name  undefined finds by `uid`
 * @returns     undefined when there is no such user
 * @throws      Error when the file cannot be read
 *
 * passwd(5), group(5)
 */
export function findUser(by: { name: string } | { uid: number }, folder = '/etc'): User | undefined {
  const row = rows(`${folder}/passwd`).find(([name, , uid]) => ('name' in by ? name === by.name : uid === `${by.uid}`));
  if (row === undefined) return undefined;
  const [name = '', , uid, gid, , home = ''] = row;
  const groups = rows(`${folder}/group`)
    .filter(([, , id, members]) => id !== gid && members?.split(',').includes(name))
    .map(([, , id]) => Number(id));
  return { name, uid: Number(uid), gid: Number(gid), home: home || '/', groups };
}

/** Rows of seven or four fields; other lines (comments, `+` of NIS) have fewer and are passed over. */
function rows(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trimEnd().split(':'))
    .filter(([name, , id]) => name && /^\d+$/.test(id ?? ''));
}
