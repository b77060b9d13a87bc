// What is known of the service: its calls, limits and formats, its figures, and whether it answers.

import { askJson } from "./api.js";

export const service = { away: false, index: null, stats: null };
const listeners = new Set();
let learning = null;

/** Calls back when what is known has changed; returns how to end that. */
export function onService(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

function tell() {
  for (const changed of [...listeners]) changed();
}

/** Asks for limits and calls, until they are known; once, however many ask for them meanwhile. */
export async function learnService() {
  learning ??= answered(askJson("")).finally(() => (learning = null));
  service.index ??= await learning;
  tell();
}

/** Asks for the figures. */
export async function refreshStats() {
  service.stats = await answered(askJson("stats"));
  if (!service.index) await learnService();
  tell();
}

/** Waits for an answer, and notes whether the service gave one. */
export async function answered(asking) {
  try {
    const answer = await asking;
    noteAway(false);
    return answer;
  } catch (error) {
    if (error.status !== undefined) noteProblem(error);
    throw error;
  }
}

/** Notes what a `Problem` says of the service: that it is away, or that it answers. */
export const noteProblem = ({ status, code }) => noteAway([0, 502, 504].includes(status) || code === "broker_unavailable");

/** Notes whether the service answers. */
export function noteAway(away) {
  if (service.away === away) return;
  service.away = away;
  tell();
}

/** Whether a call is there, by its name in the service's own list. */
export const hasCall = (name) => Boolean(service.index && name in service.index.endpoints);

/** Whether results can be had in a format. */
export const hasFormat = (format) => Boolean(service.index?.formats.includes(format));
