import { FunctionAppError } from '../errors.ts';
import type { BindingInfo } from './core-types.ts';
import type { FunctionsCore, RegisteredFunction } from './functions-core.ts';

/** A function of the app, by what triggers it. */
export interface AppFunction<Trigger extends string = string> extends RegisteredFunction {
  readonly name: string;
  readonly trigger: BindingInfo & { readonly bindingName: string; readonly kind: Trigger };
}

const supportedTriggers = ['httptrigger', 'timertrigger', 'activitytrigger', 'orchestrationtrigger'] as const;
export type TriggerKind = (typeof supportedTriggers)[number];
const supportedBindings = ['http', 'durableclient', 'orchestrationclient'];

/**
 * What the app registered, checked: every function has a name of its own and only triggers and bindings that this
 * host has.
 * @throws FunctionAppError with every problem
 */
export function functionsOf(core: FunctionsCore): readonly AppFunction<TriggerKind>[] {
  const problems: string[] = [];
  const names = new Map<string, string>();
  const functions = core.functions.flatMap((registered) => {
    const { name, bindings } = registered.metadata;
    const other = names.get(name.toLowerCase());
    if (other !== undefined) {
      problems.push(`Two functions are named ${name}: the real host would load none of the app's functions.`);
    }
    names.set(name.toLowerCase(), name);
    if (!/^[a-z][a-z0-9_-]{0,127}$/i.test(name)) {
      problems.push(`${name} is no function name: letters, digits, _ and -, and a letter first.`);
    }
    const [bindingName, binding] =
      Object.entries(bindings).find(([, { type }]) => /trigger$/i.test(type)) ?? [];
    if (bindingName === undefined || binding === undefined) {
      problems.push(`${name} has no trigger.`);
      return [];
    }
    for (const { type } of Object.values(bindings).filter((candidate) => candidate !== binding)) {
      if (!supportedBindings.includes(type.toLowerCase())) {
        problems.push(
          `${name} has a binding of type ${type}: the local host has http and durableClient only.`,
        );
      }
    }
    const kind = supportedTriggers.find((supported) => supported === binding.type.toLowerCase());
    if (kind === undefined) {
      problems.push(
        `${name} has a trigger of type ${binding.type}: the local host has HTTP, timers, activities and ` +
          'orchestrators (no entities, no queues, no blobs); run the app with Azure Functions Core Tools.',
      );
      return [];
    }
    return [{ ...registered, name, trigger: { ...binding, bindingName, kind } }];
  });
  if (problems.length > 0) throw new FunctionAppError(problems.join('\n'));
  return functions;
}

/** Those functions that a trigger of this kind starts. */
export function triggeredBy<Kind extends TriggerKind>(
  functions: readonly AppFunction<TriggerKind>[],
  kind: Kind,
): readonly AppFunction<Kind>[] {
  return functions.filter((candidate): candidate is AppFunction<Kind> => candidate.trigger.kind === kind);
}
