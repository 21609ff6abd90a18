import { z } from 'zod';
import { dataCenterKeys } from '../../streams/data-center.ts';
import { outageKinds, programStates, restartable } from './stack-parts.ts';

/** Where the running stack takes commands, and the token they need: `control.json` beside stack.json, mode 0600. */
export const controlFile = z.object({ url: z.string(), token: z.string(), pid: z.number() });
export type ControlFile = z.infer<typeof controlFile>;

export const controlFileName = 'control.json';

/** What the stack is asked to do. */
export const controlCommand = z.discriminatedUnion('command', [
  z.object({
    command: z.literal('start-outage'),
    dataCenter: z.enum(dataCenterKeys),
    how: z.enum(outageKinds),
  }),
  z.object({ command: z.literal('end-outage'), dataCenter: z.enum(dataCenterKeys) }),
  z.object({ command: z.literal('restart'), program: z.enum(restartable) }),
]);
export type ControlCommand = z.infer<typeof controlCommand>;

/** Both data centers' media services, after the command. */
export const controlAnswer = z.object({
  dataCenters: z.record(z.enum(dataCenterKeys), z.enum(programStates)),
});
export type ControlAnswer = z.infer<typeof controlAnswer>;
