import { readFileSync } from 'node:fs';
import { fileFault } from '../fileFault.ts';
import type { Plan } from './plan.ts';
import { PlanFault, readPlan } from './readPlan.ts';

/** @throws PlanFault that names the file */
export function readPlanFile(file: string): Plan {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new PlanFault(`cannot read ${file}: ${fileFault(error)}`);
  }
  try {
    return readPlan(text);
  } catch (error) {
    if (error instanceof PlanFault) throw new PlanFault(`${file}: ${error.message}`);
    throw error;
  }
}
