/** How the workflow is hosted: by this project's own host, by Core Tools, or by `func start` run by hand. */
export const functionsHosts = ['local', 'func', 'none'] as const;
export type FunctionsHost = (typeof functionsHosts)[number];

/** How a media service is lost: its process is gone, or it is there and answers nothing. */
export const outageKinds = ['kill', 'hang'] as const;
export type OutageKind = (typeof outageKinds)[number];

/** The programs that can be started again by themselves. */
export const restartable = ['a', 'b', 'edge', 'functions'] as const;
export type Restartable = (typeof restartable)[number];

export const programStates = ['starting', 'running', 'hanging', 'ended'] as const;
export type ProgramState = (typeof programStates)[number];
