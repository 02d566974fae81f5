import { Modal } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { m } from "../messages";
import classes from "./Palette.module.css";
import { type Found, type FoundGroup, useFound } from "./useFound";

/** Finds apps, switches, requests, people and what one may do, from anywhere, by keyboard. */
export default function Palette({ close }: { close: () => void }) {
  return (
    <Modal.Root opened onClose={close} size="lg" yOffset="10vh" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content aria-label={m.palette.title} radius="lg">
        <Finder close={close} />
      </Modal.Content>
    </Modal.Root>
  );
}

function Finder({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const { groups, searching } = useFound(text);
  const all = groups.flatMap((group) => group.items);
  const at = Math.min(chosen, Math.max(0, all.length - 1));
  const current = all[at];

  function open(item: Found) {
    close();
    item.run?.();
    if (item.to) navigate(item.to);
  }
  function onKeyDown(event: KeyboardEvent) {
    const last = all.length - 1;
    const to: Record<string, number> = {
      ArrowDown: at === last ? 0 : at + 1,
      ArrowUp: at === 0 ? last : at - 1,
      PageDown: Math.min(at + 8, last),
      PageUp: Math.max(at - 8, 0),
    };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setChosen(next);
    } else if (event.key === "Enter" && !event.nativeEvent.isComposing && current) {
      event.preventDefault();
      open(current);
    }
  }
  return (
    <>
      <div className={classes.box}>
        <IconSearch size={20} aria-hidden />
        <input
          data-autofocus
          className={classes.input}
          role="combobox"
          aria-label={m.palette.input}
          aria-expanded={all.length > 0}
          aria-controls="found"
          aria-activedescendant={current ? optionId(current) : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          placeholder={m.palette.input}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setChosen(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <Groups groups={groups} current={current} open={open} />
      {all.length === 0 && !searching && (
        <div className={classes.none}>
          <strong>{m.palette.none(text.trim())}</strong>
          <p>{m.palette.noneWords}</p>
        </div>
      )}
      <div className={classes.foot}>
        <span aria-hidden>{m.palette.hint}</span>
        <span role="status">{searching ? "" : m.palette.found(all.length)}</span>
      </div>
    </>
  );
}

interface GroupsProps {
  groups: FoundGroup[];
  current: Found | undefined;
  open: (item: Found) => void;
}

// The focus stays in the box; the options are told by aria-activedescendant, and a mouse may use them too.
function Groups({ groups, current, open }: GroupsProps) {
  const list = useRef<HTMLDivElement>(null);
  const id = current && optionId(current);
  useEffect(() => {
    if (id) list.current?.querySelector(`#${CSS.escape(id)}`)?.scrollIntoView({ block: "nearest" });
  }, [id]);
  return (
    <div ref={list} id="found" role="listbox" aria-label={m.palette.title} className={classes.list}>
      {groups.map((group) => (
        // biome-ignore lint/a11y/useSemanticElements: a group of options, not a fieldset
        <div key={group.id} role="group" aria-labelledby={`found-${group.id}`}>
          <div id={`found-${group.id}`} role="presentation" className={classes.head}>
            {m.palette.groups[group.id]}
          </div>
          {group.items.map((item) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the combobox
            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the combobox
            <div
              key={item.id}
              id={optionId(item)}
              role="option"
              aria-selected={item === current}
              className={classes.option}
              onClick={() => open(item)}
            >
              <item.icon size={18} aria-hidden className={classes.icon} />
              <span className={classes.title}>{item.title}</span>
              {item.words && <span className={classes.words}>{item.words}</span>}
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

const optionId = (item: Found) => `found-${item.id.replace(/[^\w-]/g, "_")}`;
