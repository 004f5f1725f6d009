import type { Operation } from '../service/operations/operation.ts';
import type { Shape } from '../service/operations/shape.ts';

/** What `--generate-cli-skeleton` prints: every member with a value of its type, to be changed and given to `--cli-input-json`. */
export function skeletonOf({ input }: Pick<Operation, 'input'>): string {
  return `${JSON.stringify(exampleOf({ type: 'structure', members: input }), undefined, 4)}\n`;
}

function exampleOf(shape: Shape): unknown {
  switch (shape.type) {
    case 'string':
      return shape.oneOf?.[0] ?? '';
    case 'integer':
      return 0;
    case 'number':
      return 0.0;
    case 'boolean':
      return true;
    case 'timestamp':
      return '1970-01-01T00:00:00';
    case 'list':
      return [exampleOf(shape.of)];
    case 'map':
      return { KeyName: exampleOf(shape.value) };
    case 'structure':
      return Object.fromEntries(Object.entries(shape.members).map(([name, member]) => [name, exampleOf(member.shape)]));
  }
}
