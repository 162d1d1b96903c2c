// How much of a chat the model can keep in mind (its context, in tokens), and what a message takes of it. Pure.

const MOST_ROOM = 1024; // tokens that stay free for an answer, at most a quarter of the context; as the program keeps them
const WIDE = /[^\u0000-\u02ff]/g;

/** About how many tokens a text has: four letters make one, and a sign that is a syllable or a word most of one. */
export function estimateTokens(text) {
  const wide = text.match(WIDE)?.length ?? 0;
  return Math.ceil((text.length - wide) / 4 + wide * 0.75);
}

/** Tokens of files; where no model has counted them yet, about. */
export const fileTokens = (infos) => infos.reduce((sum, { tokens, characters }) => sum + (tokens ?? Math.ceil((characters ?? 0) / 4)), 0);

const lastFigures = (messages) => messages.findLast(({ role, figures }) => role === "assistant" && figures)?.figures ?? {};

/** Tokens of the context that the chat takes so far, 0 when no answer has told. */
export function usedTokens(messages) {
  const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = lastFigures(messages);
  return prompt + completion;
}

/**
 * The id of the oldest message that the last answer was made with; null when it was made with all. What was left out is
 * counted in turns: messages of one role in a row are one, and an answer of which nothing came is none.
 */
export function firstRead(messages) {
  const { left_out: leftOut = 0 } = lastFigures(messages);
  let turns = 0;
  let role = null;
  for (const message of leftOut > 0 ? messages : []) {
    if ((!message.content && !message.files?.length) || message.role === role) continue;
    if (turns === leftOut) return message.id;
    turns += 1;
    role = message.role;
  }
  return null;
}

/**
 * What a message takes: {tokens, room, kind}; room is what is free for it. kind: "fits" | "crowds" (old messages will be
 * left out for it) | "passages" (its files cannot be read whole) | "pictures" (those with it take more than there is) |
 * "long" (cannot be sent). All numbers are tokens: `words` of the message, `pictures` and `files` with it, `earlier` files
 * of the chat, `used` by the chat, `size` of the context.
 */
export function costOf({ words, pictures = 0, files, earlier, used, size }) {
  const most = size - Math.min(MOST_ROOM, Math.floor(size / 4));
  const [tokens, room] = [words + pictures + files, Math.max(most - used, 0)];
  if (words > most) return { tokens, room, kind: "long" };
  if (words + pictures > most) return { tokens, room, kind: "pictures" };
  if (files > 0 && tokens + earlier > most) return { tokens, room, kind: "passages" };
  return { tokens, room, kind: tokens > room && used > 0 ? "crowds" : "fits" };
}
