import { Button, Popover, SegmentedControl, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { IconChevronDown, IconLogout, IconUserCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { account } from "../palette/places";
import { Initials } from "../pieces/Who";
import { useSelf } from "../session/session";
import classes from "./PersonMenu.module.css";

/** Who one is, the colours of the console, and the way out. */
export function PersonMenu() {
  const self = useSelf();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [open, setOpen] = useState(false);
  const leave = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/session")),
    onSuccess: async () => {
      await navigate("/sign-in");
      queries.clear();
    },
  });
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" width={280} trapFocus>
      <Popover.Target>
        <UnstyledButton
          className={classes.button}
          aria-label={m.person.menu(self.display_name)}
          onClick={() => setOpen(!open)}
        >
          <Initials name={self.display_name} />
          <span className={classes.name}>{self.display_name}</span>
          <IconChevronDown size={16} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={m.person.you}>
        <p className={classes.who}>{self.display_name}</p>
        <p className={classes.fact}>{self.email}</p>
        <p className={classes.fact}>{m.person.groups(self.groups.join(", "))}</p>
        <SegmentedControl
          fullWidth
          size="xs"
          my="sm"
          aria-label={m.scheme.label}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as "light" | "dark" | "auto")}
          data={[
            { value: "auto", label: m.scheme.auto },
            { value: "light", label: m.scheme.light },
            { value: "dark", label: m.scheme.dark },
          ]}
        />
        <Button
          fullWidth
          mb="xs"
          variant="default"
          component={Link}
          to={account.to}
          leftSection={<IconUserCircle size={16} aria-hidden />}
          onClick={() => setOpen(false)}
        >
          {m.nav.places.account}
        </Button>
        <Button
          fullWidth
          variant="default"
          leftSection={<IconLogout size={16} aria-hidden />}
          loading={leave.isPending}
          onClick={() => leave.mutate()}
        >
          {m.person.signOut}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
