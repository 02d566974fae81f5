import { m } from "../messages";
import { type Strength, strengthOf } from "../model/strength";
import classes from "./Strength.module.css";

const filled: Record<Strength["word"], number> = {
  empty: 0,
  short: 1,
  long: 1,
  own: 1,
  plain: 1,
  common: 1,
  fair: 2,
  good: 3,
};

/** How good a password is, while it is typed: a sentence, and three bars beside it. */
export function StrengthHint({ password, about, id }: { password: string; about: string[]; id: string }) {
  const strength = strengthOf(password, about);
  return (
    <div className={classes.hint} data-word={strength.word}>
      <span className={classes.bars} aria-hidden>
        {[1, 2, 3].map((n) => (
          <span key={n} className={classes.bar} data-on={n <= filled[strength.word] || undefined} />
        ))}
      </span>
      <p id={id} className={classes.words} aria-live="polite">
        {strengthWords(strength)}
      </p>
    </div>
  );
}

export function strengthWords(strength: Strength): string {
  return strength.word === "short"
    ? m.entry.strength.short(strength.missing)
    : m.entry.strength[strength.word];
}
