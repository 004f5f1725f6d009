/** What CreateJob was given and the service keeps as it came, to show it and to go by it (control-plane §2.1). */
export interface JobConfig {
  /** ARNs. */
  targets: string[];
  presignedUrlConfig?: { roleArn?: string; expiresInSec?: number };
  jobExecutionsRolloutConfig?: RolloutConfig;
  abortConfig?: AbortConfig;
  timeoutConfig?: { inProgressTimeoutInMinutes?: number };
  jobExecutionsRetryConfig?: RetryConfig;
  schedulingConfig?: SchedulingConfig;
  /** Where the document was read; DescribeJob shows it beside the job. */
  documentSource?: string;
  jobTemplateArn?: string;
  documentParameters?: Record<string, string>;
}

export interface RolloutConfig {
  maximumPerMinute?: number;
  exponentialRate?: {
    baseRatePerMinute: number;
    incrementFactor: number;
    rateIncreaseCriteria: { numberOfNotifiedThings?: number; numberOfSucceededThings?: number };
  };
}

export interface AbortConfig {
  criteriaList: {
    failureType: 'FAILED' | 'REJECTED' | 'TIMED_OUT' | 'ALL';
    action: 'CANCEL';
    thresholdPercentage: number;
    minNumberOfExecutedThings: number;
  }[];
}

export interface RetryConfig {
  criteriaList: RetryCriterion[];
}

export interface RetryCriterion {
  failureType: 'FAILED' | 'TIMED_OUT' | 'ALL';
  numberOfRetries: number;
}

export interface SchedulingConfig {
  /** `2030-01-31 18:00`, UTC. */
  startTime?: string;
  endTime?: string;
  endBehavior?: 'STOP_ROLLOUT' | 'CANCEL' | 'FORCE_CANCEL';
  maintenanceWindows?: { startTime: string; durationInMinutes: number }[];
}
