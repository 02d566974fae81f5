import { Menu, SegmentedControl, Text, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { IconChevronDown, IconLogout } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { Initials } from "../pieces/Who";
import classes from "./PersonMenu.module.css";
import { useSelf } from "./session";

/** Who one is, the colours of the console, and the way out. */
export function PersonMenu() {
  const self = useSelf();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/session")),
    onSuccess: async () => {
      await navigate("/sign-in");
      queries.clear();
    },
  });
  return (
    <Menu position="bottom-end" width={264} closeOnItemClick={false}>
      <Menu.Target>
        <UnstyledButton className={classes.button} aria-label={m.person.menu(self.display_name)}>
          <Initials name={self.display_name} />
          <span className={classes.name}>{self.display_name}</span>
          <IconChevronDown size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes.who}>
          <Text fw={600}>{self.display_name}</Text>
          <Text c="dimmed" size="xs">
            {self.email}
          </Text>
          <Text c="dimmed" size="xs">
            {m.person.groups((self.groups ?? []).join(", "))}
          </Text>
        </div>
        <Menu.Divider />
        <div className={classes.who}>
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label={m.scheme.label}
            value={colorScheme}
            onChange={(value) => setColorScheme(value as "light" | "dark" | "auto")}
            data={[
              { value: "auto", label: m.scheme.auto },
              { value: "light", label: m.scheme.light },
              { value: "dark", label: m.scheme.dark },
            ]}
          />
        </div>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => leave.mutate()}>
          {m.person.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
