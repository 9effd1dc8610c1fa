import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Colours on a terminal that shows them; NO_COLOR and FORCE_COLOR are obeyed. */
export function paint(style: Style, text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(style, text) : text;
}
