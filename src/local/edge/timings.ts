/** How long the edge waits and what it does about a failure. Times are in milliseconds. */
export interface Timings {
  readonly name: 'fast' | 'front-door';
  /** From sending a request to the end of the answer's headers. */
  readonly headersLimit: number;
  /** Without a byte of the body while the viewer is ready for more. */
  readonly stallLimit: number;
  /** Ask the next data center when one fails a request; without it the viewer gets the failure. */
  readonly failOver: boolean;
  /** Go on from another data center, at the same byte, when a body breaks off. */
  readonly continueBodies: boolean;
  /** How a data center is judged between requests. */
  readonly health: FailureMemoryTimings | ProbeSampleTimings;
}

/** Judged by the requests themselves; one that failed rests and is probed until it is well. */
export interface FailureMemoryTimings {
  readonly kind: 'failure-memory';
  /** 5xx answers in a row that make a data center rest. */
  readonly serverErrors: number;
  /**
   * Times in a row that a data center is found slow and its probe nevertheless well, at least this far apart, until it
   * rests all the same. Everything that is neither slow nor a 5xx makes it rest at once.
   */
  readonly doubts: number;
  readonly doubtSpacing: number;
  /** The first rest; each further one is twice as long. */
  readonly restFirst: number;
  readonly restLongest: number;
  /** Probes in a row that must be answered with 200, this far apart, before viewers are sent there again. */
  readonly probesToReturn: number;
  readonly probeSpacing: number;
  readonly probeLimit: number;
  /** Well for this long: the next rest is a first one again. */
  readonly steadyAfter: number;
}

/** Judged by probes alone: healthy while enough of the last samples succeeded. */
export interface ProbeSampleTimings {
  readonly kind: 'probe-samples';
  readonly probeInterval: number;
  readonly probeLimit: number;
  readonly sampleSize: number;
  readonly successfulSamples: number;
}

/**
 * What a purpose-built edge can do. The limits stay below a player's own (hls.js waits 10 s for a first byte) and
 * below the few seconds it has buffered.
 */
export const fast: Timings = {
  name: 'fast',
  headersLimit: 3000,
  stallLimit: 3000,
  failOver: true,
  continueBodies: true,
  health: {
    kind: 'failure-memory',
    serverErrors: 3,
    doubts: 3,
    doubtSpacing: 2000,
    restFirst: 1000,
    restLongest: 15_000,
    probesToReturn: 2,
    probeSpacing: 500,
    probeLimit: 2000,
    steadyAfter: 30_000,
  },
};

export const frontDoorHealth: ProbeSampleTimings = {
  kind: 'probe-samples',
  probeInterval: 30_000,
  probeLimit: 16_000,
  sampleSize: 4,
  successfulSamples: 3,
};

/**
 * Azure Front Door's: it moves to the next origin only by its health probes, waits at least 16 s for an origin, and
 * with every origin unhealthy it uses them all in turn. Sample size 4 with 3 successes and 30 s between probes are its
 * documented defaults. https://learn.microsoft.com/azure/frontdoor/health-probes
 */
export const frontDoor: Timings = {
  name: 'front-door',
  headersLimit: 16_000,
  stallLimit: 16_000,
  failOver: false,
  continueBodies: false,
  health: frontDoorHealth,
};
