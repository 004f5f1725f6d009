/**
 * The bytes that a Range header asks for.
 *
 * @param size  of the whole, bytes
 * @returns     first and last byte; 'whole' where there is no header, or one to be ignored: another unit, several ranges, not
 *              well formed (RFC 9110 §14.2); 'unsatisfiable' when all of it is behind the end
 */
export function readRange(
  header: string | undefined,
  size: number,
): { first: number; last: number } | 'whole' | 'unsatisfiable' {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return 'whole';
  if (from === '') {
    const suffix = Math.min(Number(to), size);
    return suffix === 0 ? 'unsatisfiable' : { first: size - suffix, last: size - 1 };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return 'whole';
  if (first >= size) return 'unsatisfiable';
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}
