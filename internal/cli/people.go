package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/signin"
)

func (p *program) inviteCommand() *cobra.Command {
	var spec signin.Invitation
	var reset bool
	cmd := &cobra.Command{
		Use: "invite EMAIL", Short: "Make a one-time link by which a person joins; it is printed once, alone", Args: cobra.ExactArgs(1),
		Long: `Make the person, if there is none, and print a link by which they choose a password. It works once, within seven days;
inviting again makes the link before void. With --reset, for somebody who forgot the password, within a day.

The link begins with public_url, or where the server listens. Give it to nobody but the person.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			var link signin.NewLink
			err := p.with(cmd.Context(), func(c *client) error {
				if reset {
					return c.post(cmd.Context(), pathf("/people/%s/reset-link", args[0]), struct{}{}, &link)
				}
				return c.post(cmd.Context(), pathf("/people/%s/invite", args[0]), spec, &link)
			})
			if err != nil {
				return err
			}
			return p.write(link, func(w io.Writer) { fmt.Fprintln(w, link.Link) })
		}),
	}
	cmd.Flags().StringArrayVar(&spec.Groups, "group", nil, "group that the person is to be in; may be given several times")
	cmd.Flags().StringVar(&spec.DisplayName, "name", "", "what people read (default the address)")
	cmd.Flags().BoolVar(&reset, "reset", false, "a link to choose a new password, for somebody who has joined")
	cmd.MarkFlagsMutuallyExclusive("reset", "group")
	cmd.MarkFlagsMutuallyExclusive("reset", "name")
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}
