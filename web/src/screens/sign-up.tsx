import { useEffect } from "preact/hooks";
import { createTandemClient, unwrap } from "@tandem/client";
import { kind, signIn } from "../api/session.ts";
import { navigate } from "../router.ts";
import { Field, Form } from "../ui/form.tsx";
import { Welcome } from "./sign-in.tsx";

const anonymous = createTandemClient({ baseUrl: "", token: () => null });

async function signUp({ display_name, email, password }: Record<string, string>): Promise<void> {
  await unwrap(anonymous.POST("/api/v1/users", { body: { email: email!, password, display_name } }));
  await signIn(email!, password!);
}

export function SignUp() {
  useEffect(() => {
    if (kind.value === "token") navigate("/", { replace: true });
  }, [kind.value]);
  return (
    <>
      <Welcome title="Sign up for Tandem" />
      <Form submit="Sign up" fields={["display_name", "email", "password"]} action={signUp}>
        {(problem) => (
          <>
            <Field label="Name" name="display_name" autocomplete="name" autofocus problem={problem} />
            <Field label="E-mail" name="email" type="email" autocomplete="username" problem={problem} />
            <Field label="Password" name="password" type="password" autocomplete="new-password" hint="At least 10 characters" problem={problem} />
          </>
        )}
      </Form>
      <p>Have an account? <a href="/sign-in">Sign in</a></p>
    </>
  );
}
