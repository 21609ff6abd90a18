/** The presets of "Media Encoder Standard" that go by a name. Any other name is refused before anything starts. */
export const presetNames = ['Adaptive Streaming', 'H264 Multiple Bitrate 1080p'] as const;

/** Whether a preset is given as JSON (the service judges its content) and not by its name. */
export function isPresetJson(preset: string): boolean {
  if (!preset.trimStart().startsWith('{')) return false;
  try {
    JSON.parse(preset);
    return true;
  } catch {
    return false;
  }
}

/** What `isPreset` asks for, in words. */
export const presetRule = `must be one of ${presetNames.map((name) => `"${name}"`).join(', ')}, or a preset's JSON`;

export function isPreset(text: string): boolean {
  return isPresetJson(text) || (presetNames as readonly string[]).includes(text);
}
