import { readFileSync } from 'node:fs';

/** A user of this machine, as programs are run. */
export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/**
 * Looks a user up where Linux keeps its local ones. Directories on the network (LDAP, SSSD) are not asked: that takes native code.
 * Rows have seven fields; other lines (comments, `+` of NIS) have fewer and are passed over.
 *
 * @returns     undefined when there is no such user
 * @throws      Error when the file cannot be read
 *
 * passwd(5)
 */
export function findUser(nameOrUid: string | number, file = '/etc/passwd'): User | undefined {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [name = '', , uid, gid, , home] = line.trimEnd().split(':');
    if (uid && (nameOrUid === name || nameOrUid === +uid))
      return { name, uid: +uid, gid: Number(gid), home: home || '/' };
  }
  return undefined;
}
