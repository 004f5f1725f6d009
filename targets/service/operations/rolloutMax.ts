import { ROLLOUT_CONFIG } from './jobShapes.ts';
import type { Operation } from './operation.ts';
import type { NumberShape, StructureShape } from './shape.ts';

/** What maximumPerMinute and baseRatePerMinute may be in AWS (Developer Guide, "Job limits"). */
export const AWS_ROLLOUT_MAX = ROLLOUT_CONFIG.members.maximumPerMinute.shape.max;

/**
 * The table for a service of its owner's, who may have a job rolled out faster than AWS does.
 *
 * @param perMinute  executions a minute that a job may ask for, 1000 or more
 */
export function withRolloutMax(operations: readonly Operation[], perMinute: number): readonly Operation[] {
  if (perMinute === AWS_ROLLOUT_MAX) return operations;
  const shape = raised(perMinute);
  return operations.map((operation) => {
    const member = operation.input.jobExecutionsRolloutConfig;
    if (member === undefined) return operation;
    return { ...operation, input: { ...operation.input, jobExecutionsRolloutConfig: { ...member, shape } } };
  });
}

function raised(max: number): StructureShape {
  const { maximumPerMinute, exponentialRate } = ROLLOUT_CONFIG.members;
  const { members } = exponentialRate.shape;
  const upTo = ({ shape }: { shape: NumberShape }) => ({ ...shape, max });
  const baseRatePerMinute = { ...members.baseRatePerMinute, shape: upTo(members.baseRatePerMinute) };
  return {
    type: 'structure',
    members: {
      maximumPerMinute: { shape: upTo(maximumPerMinute) },
      exponentialRate: { shape: { type: 'structure', members: { ...members, baseRatePerMinute } } },
    },
  };
}
