import { m } from "../messages";
import { sentence } from "../model/text";
import classes from "./Bring.module.css";

interface Item {
  key: string;
  code?: string;
  message?: string;
  remediation?: string;
}

/** What is the matter with flags, each thing once, with the flags that it is about and the next step. */
export function Report({ label, items }: { label: string; items: Item[] }) {
  const groups = new Map<string, Item & { keys: string[] }>();
  for (const item of items) {
    const name = `${item.code} ${item.message}`;
    const group = groups.get(name) ?? { ...item, keys: [] };
    group.keys.push(item.key);
    groups.set(name, group);
  }
  if (groups.size === 0) return null;
  return (
    <ul className={classes.report} aria-label={label}>
      {[...groups.entries()].map(([name, group]) => (
        <li key={name}>
          <strong>{m.bring.of(group.keys)}</strong>: {sentence(group.message ?? "")}{" "}
          <span className={classes.words}>{sentence(group.remediation ?? "")}</span>
        </li>
      ))}
    </ul>
  );
}
