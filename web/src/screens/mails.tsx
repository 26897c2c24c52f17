// The pages that the mails link to, and the one that asks for such a mail.
import { useEffect, useState } from "preact/hooks";
import { createTandemClient, problemOf, unwrap } from "@tandem/client";
import { Field, Form } from "../ui/form.tsx";
import { Welcome } from "./sign-in.tsx";

const anonymous = createTandemClient({ baseUrl: "", token: () => null });

/** The token stands behind the #, which browsers send to no server. */
function tokenOfLink(): string {
  return new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
}

export function ForgotPassword() {
  const [done, setDone] = useState("");
  async function ask({ email }: Record<string, string>) {
    const { message } = await unwrap(anonymous.POST("/api/v1/password-resets", { body: { email: email! } }));
    setDone(message);
  }
  return (
    <>
      <Welcome title="Forgotten password" />
      {done
        ? <p role="status">{done} The link in it leads to the page for a new password.</p>
        : (
          <Form submit="Send the mail" fields={["email"]} action={ask}>
            {(problem) => <Field label="E-mail" name="email" type="email" autocomplete="username" autofocus problem={problem} />}
          </Form>
        )}
      <p><a href="/sign-in">Sign in</a></p>
    </>
  );
}

export function ResetPassword() {
  const [isDone, setDone] = useState(false);
  const known = tokenOfLink();
  async function reset({ token, new_password }: Record<string, string>) {
    const body = { token: known || token!.trim(), new_password: new_password! };
    await unwrap(anonymous.POST("/api/v1/password-resets/confirm", { body }));
    setDone(true);
  }
  return (
    <>
      <Welcome title="New password" />
      {isDone
        ? <p role="status">Your password is changed. All sessions have ended. <a href="/sign-in">Sign in</a></p>
        : (
          <Form submit="Set the password" fields={known ? ["new_password"] : ["token", "new_password"]} action={reset}>
            {(problem) => (
              <>
                {!known && <Field label="Token from the mail" name="token" autocomplete="one-time-code" problem={problem} />}
                <Field label="New password" name="new_password" type="password" autocomplete="new-password" hint="At least 10 characters" problem={problem} />
              </>
            )}
          </Form>
        )}
      <p><a href="/forgot-password">Send another mail</a></p>
    </>
  );
}

export function VerifyEmail() {
  const [state, setState] = useState("");
  const known = tokenOfLink();
  async function confirm(token: string) {
    await unwrap(anonymous.POST("/api/v1/email-verifications/confirm", { body: { token } }));
    setState("Your e-mail address is confirmed.");
  }
  useEffect(() => {
    if (known) confirm(known).catch((cause) => setState(problemOf(cause).message));
  }, []);
  return (
    <>
      <Welcome title="Confirm your address" />
      {known || state
        ? <p role="status">{state || "Confirming …"}</p>
        : (
          <Form submit="Confirm" fields={["token"]} action={({ token }) => confirm(token!.trim())}>
            {(problem) => <Field label="Token from the mail" name="token" autocomplete="one-time-code" problem={problem} />}
          </Form>
        )}
      <p><a href="/">Go to Tandem</a></p>
    </>
  );
}
