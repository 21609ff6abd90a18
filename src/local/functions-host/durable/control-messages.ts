import type { RuntimeStatus } from './instance-record.ts';
import type { Message } from './messages.ts';

/**
 * What terminate, suspend and resume make of an instance, in the order in which they came. A suspended instance takes
 * nothing else in: `handled` are the messages that are done with.
 */
export function nextStatus(
  status: RuntimeStatus,
  messages: readonly Message[],
): { status: RuntimeStatus; terminated?: string; handled: readonly Message[] } {
  const handled: Message[] = [];
  let next = status;
  for (const message of messages) {
    if (message.kind === 'terminate') return { status: 'Terminated', terminated: message.reason, handled };
    if (message.kind !== 'suspend' && message.kind !== 'resume') continue;
    handled.push(message);
    next = message.kind === 'suspend' ? 'Suspended' : 'Running';
  }
  return { status: next, handled };
}
