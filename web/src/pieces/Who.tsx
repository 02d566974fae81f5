import { initials, shortName } from "../model/text";
import classes from "./Who.module.css";

/** A round mark with the initials of a person; the name stands beside it, so it is silent. */
export function Initials({ name }: { name: string }) {
  return (
    <span className={classes.mark} aria-hidden>
      {initials(name)}
    </span>
  );
}

/** A person by short name, the whole address on hover; the parts of Souk that act by themselves are "Souk". */
export function Who({ email }: { email: string }) {
  const name = email.startsWith("souk:") ? "Souk" : shortName(email);
  return (
    <span className={classes.who} title={email}>
      {name}
    </span>
  );
}
