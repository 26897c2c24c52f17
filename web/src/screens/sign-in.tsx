import { useEffect } from "preact/hooks";
import { enterOpen, isOpenServer, kind, signIn } from "../api/session.ts";
import { navigate, path, query } from "../router.ts";
import { Field, Form } from "../ui/form.tsx";
import { Icon } from "../ui/icons.tsx";

export function Welcome({ title }: { title: string }) {
  return <header class="welcome"><Icon name="tandem" /><h1>{title}</h1></header>;
}

export function SignIn({ next = "/" }: { next?: string }) {
  useEffect(() => {
    if (path.value === "/sign-in" && (kind.value === "token" || kind.value === "open")) navigate(query.value.get("next") ?? next, { replace: true });
  }, [kind.value]);
  return (
    <>
      <Welcome title="Sign in to Tandem" />
      <Form submit="Sign in" fields={["email", "password"]} action={({ email, password }) => signIn(email!, password!)}>
        {(problem) => (
          <>
            <Field label="E-mail" name="email" type="email" autocomplete="username" autofocus problem={problem} />
            <Field label="Password" name="password" type="password" autocomplete="current-password" problem={problem} />
          </>
        )}
      </Form>
      <p><a href="/forgot-password">Forgotten your password?</a></p>
      <p>No account? <a href="/sign-up">Sign up</a></p>
      {isOpenServer && (
        <p class="note">
          This is a development server. <button onClick={enterOpen}>Continue as its administrator</button>
        </p>
      )}
    </>
  );
}
