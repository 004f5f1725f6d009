/**
 * Branches that no world reaches, by file, by the reason. `npm run sim:coverage` prints the reasons, and fails where a branch is
 * listed and reached, or neither; its `--gaps` prints the names as they stand here.
 */
export const UNREACHED = {};
