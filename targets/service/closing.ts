/** What ends each part that was opened, in the order in which they were. */
export type Closing = (() => Promise<void> | void)[];

/** Ends the part that was opened last first, each when the one before is at its end; the second time there is nothing left to end. */
export async function closeAll(closing: Closing): Promise<void> {
  for (const end of closing.splice(0).reverse()) await end();
}
