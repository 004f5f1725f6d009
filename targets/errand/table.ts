import { byName, isNested, scalarText } from './scalars.ts';

/** One frame of a table: a title, then a row of headers and rows below it, or name and value side by side. */
interface Section {
  title: string;
  /** How many frames it is in. */
  indent: number;
  headers: readonly string[];
  rows: string[][];
}

/** Blanks around a cell and its border. */
const CELL_PADDING = 4;

/**
 * A nested answer as frames inside frames, line for line as the AWS CLI draws them. Where that is wider than the terminal, objects with
 * one row are turned: a line for each member.
 *
 * @param columns  of the terminal
 */
export function renderTable(title: string, value: unknown, columns: number): string {
  const sections: Section[] = [];
  if (isNested(value)) frame(sections, title, value, 0);
  else if (value !== null) frame(sections, title, [value], 0); // theirs shows a title alone
  if (sections.length === 0) return '';
  if (widthOf(sections) > columns) for (const section of sections) turn(section);
  const width = widthOf(sections);
  return `${'-'.repeat(width)}\n${sections.flatMap((section) => draw(section, width)).join('')}`;
}

function frame(sections: Section[], title: string, value: object, indent: number): void {
  if (Object.keys(value).length === 0) return;
  const open = () => {
    const section: Section = { title, indent, headers: [], rows: [] };
    sections.push(section);
    return section;
  };
  let section = open();
  if (!Array.isArray(value)) {
    const { scalars, nested } = membersOf([value]);
    const cells = scalars.map((name) => scalarText((value as Record<string, unknown>)[name]));
    if (scalars.length === 1) section.rows.push([scalars[0]!, cells[0]!]);
    else if (scalars.length > 1) {
      section.headers = scalars;
      section.rows.push(cells);
    }
    for (const name of nested) frame(sections, name, (value as Record<string, object>)[name]!, indent + 1);
    return;
  }
  if (!isNested(value[0]) || Array.isArray(value[0])) {
    section.rows = sameWidth(rowsOf(value));
    return;
  }
  const { scalars, nested } = membersOf(value as object[]);
  section.headers = scalars;
  for (const [index, item] of (value as Record<string, unknown>[]).entries()) {
    if (index > 0 && nested.length > 0) {
      section = open();
      section.headers = scalars;
    }
    section.rows.push(scalars.map((name) => (Object.hasOwn(item, name) ? scalarText(item[name]) : '')));
    for (const name of nested) if (isNested(item[name])) frame(sections, name, item[name], indent + 1);
  }
}

/** A scalar is a row of one cell, a list of scalars a row, and what is deeper stands in rows below it. */
function rowsOf(list: readonly unknown[]): string[][] {
  return list.flatMap((item) => {
    if (!Array.isArray(item)) return [[isNested(item) ? JSON.stringify(item) : scalarText(item)]];
    return item.some(isNested) ? rowsOf(item) : [item.map(scalarText)];
  });
}

function sameWidth(rows: readonly string[][]): string[][] {
  const cells = Math.max(...rows.map((row) => row.length));
  return rows.map((row) => [...row, ...Array<string>(cells - row.length).fill('')]);
}

function membersOf(objects: readonly object[]): { scalars: string[]; nested: string[] } {
  const entries = objects.flatMap((one) => Object.entries(one));
  const names = (wanted: boolean) =>
    [...new Set(entries.filter(([, item]) => isNested(item) === wanted).map(([name]) => name))].sort(byName);
  return { scalars: names(false), nested: names(true) };
}

function turn(section: Section): void {
  const [row] = section.rows;
  if (section.rows.length !== 1 || row === undefined || section.headers.length === 0) return;
  section.rows = section.headers.map((header, index) => [header, row[index] ?? '']);
  section.headers = [];
}

function cellWidths({ headers, rows }: Section): number[] {
  const lines = headers.length > 0 ? [headers, ...rows] : rows;
  return (lines[0] ?? []).map(
    (_cell, column) => Math.max(...lines.map((line) => textWidth(line[column]!))) + CELL_PADDING,
  );
}

function widthOf(sections: readonly Section[]): number {
  return Math.max(
    ...sections.map((section) => {
      const inner = cellWidths(section).reduce((sum, width) => sum + width, 0);
      return Math.max(textWidth(section.title), inner) + 2 + 2 * section.indent;
    }),
  );
}

/** Widths that fill the frame: in proportion, what rounding took or gave shared out one by one. */
function filled(widths: readonly number[], frameWidth: number): number[] {
  const sum = widths.reduce((total, width) => total + width, 0);
  const scaled = widths.map((width) => roundHalfEven((frameWidth / sum) * width));
  let over = scaled.reduce((total, width) => total + width, 0) - frameWidth;
  for (let index = 0; over !== 0; index = (index + 1) % scaled.length) {
    const at = over > 0 ? index : scaled.length - 1 - index;
    scaled[at]! -= Math.sign(over);
    over -= Math.sign(over);
  }
  return scaled;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function draw(section: Section, tableWidth: number): string[] {
  const { title, headers, rows, indent } = section;
  const width = tableWidth - 2 * indent;
  const edge = '|'.repeat(indent);
  const lines = title === '' ? [] : [centered(title, width, '|')];
  const widths = filled(cellWidths(section), width);
  if (rows.length === 0) lines.push(`+${'-'.repeat(width - 2)}+`);
  else if (widths.length > 0) {
    const rule = widths.map((cell, index) => `${index === 0 ? '+' : ''}${'-'.repeat(cell - (index === 0 ? 2 : 1))}+`);
    const across = (cells: readonly string[], place: typeof centered) =>
      cells.map((cell, index) => place(cell, widths[index]!, index === 0 ? '|' : '')).join('');
    if (headers.length > 0) lines.push(rule.join(''), across(headers, centered));
    lines.push(rule.join(''), ...rows.map((row) => across(row, leftAligned)), rule.join(''));
  }
  return lines.map((line) => `${edge}${line}${edge}\n`);
}

function centered(text: string, width: number, leftEdge: string): string {
  const before = `${leftEdge}${' '.repeat(Math.max(0, Math.floor(width / 2) - Math.floor(textWidth(text) / 2) - 1))}${text}`;
  return `${before}${' '.repeat(Math.max(0, width - 1 - textWidth(before)))}|`;
}

function leftAligned(text: string, width: number, leftEdge: string): string {
  const padding = width - textWidth(text) - 2 - leftEdge.length - 1 >= 0 ? '  ' : '';
  const before = `${leftEdge}${padding}${text}`;
  return `${before}${' '.repeat(Math.max(0, width - 1 - textWidth(before)))}|`;
}

/** Cells of a terminal: scripts of East Asia take two each. */
function textWidth(text: string): number {
  let width = 0;
  for (const char of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(
        char,
      )
        ? 2
        : 1;
  return width;
}
