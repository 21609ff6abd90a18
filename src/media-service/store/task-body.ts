import { XMLParser } from 'fast-xml-parser';
import { messageOf } from '../../message-of.ts';
import { AssetOptions } from '../model.ts';
import { invalid } from './errors.ts';

/** An asset a task names: one of the job's inputs, or one of its outputs. */
export interface AssetReference {
  readonly kind: 'input' | 'output';
  /** The number in `JobInputAsset(0)` or `JobOutputAsset(0)`. */
  readonly position: number;
}

export interface TaskBody {
  readonly input: AssetReference;
  readonly output: {
    readonly position: number;
    readonly name: string | undefined;
    readonly options: AssetOptions;
  };
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#text',
  alwaysCreateTextNode: true,
  parseTagValue: false,
  parseAttributeValue: false,
  htmlEntities: false,
  isArray: (name) => name === 'inputAsset' || name === 'outputAsset',
});

type Element = Readonly<Record<string, string | undefined>>;

/**
 * Reads a TaskBody (reference: Task, TaskBody): one input, one output. Without `assetCreationOptions` the output is
 * StorageEncrypted, as in the reference.
 * @throws StoreRefusal
 */
export function readTaskBody(xml: string): TaskBody {
  if (/<!DOCTYPE/i.test(xml)) throw invalid('TaskBody must have no DOCTYPE.');
  const body = parse(xml)['taskBody'];
  if (typeof body !== 'object' || body === null) throw invalid('TaskBody has no element taskBody.');
  const { inputAsset = [], outputAsset = [] } = body as Readonly<Record<string, Element[] | undefined>>;
  const [input, ...moreInputs] = inputAsset;
  const [output, ...moreOutputs] = outputAsset;
  if (input === undefined || moreInputs.length > 0) throw invalid('TaskBody must have one inputAsset.');
  if (output === undefined || moreOutputs.length > 0) throw invalid('TaskBody must have one outputAsset.');
  const target = reference(output['#text']);
  if (target.kind !== 'output') throw invalid('An outputAsset must be a JobOutputAsset(number).');
  return {
    input: reference(input['#text']),
    output: { position: target.position, name: output['@assetName'], options: options(output) },
  };
}

function parse(xml: string): Readonly<Record<string, unknown>> {
  try {
    return parser.parse(xml) as Record<string, unknown>;
  } catch (error) {
    throw invalid(`TaskBody cannot be read: ${messageOf(error)}`);
  }
}

function reference(text: string | undefined): AssetReference {
  const match = /^\s*Job(Input|Output)Asset\((\d{1,4})\)\s*$/.exec(text ?? '');
  if (match === null) throw invalid('TaskBody must name JobInputAsset(number) or JobOutputAsset(number).');
  return { kind: match[1] === 'Input' ? 'input' : 'output', position: Number(match[2]) };
}

function options(output: Element): AssetOptions {
  const text = output['@assetCreationOptions'] ?? String(AssetOptions.StorageEncrypted);
  const known = Object.values(AssetOptions).find((value) => String(value) === text);
  if (known === undefined) throw invalid('assetCreationOptions must be 0, 1, 2 or 4.');
  return known;
}
