import './account.css';

const told = document.getElementById('told');

export function tell(message) {
  told.textContent = message;
}

/** Asks the API, whose session cookie goes along by itself. Gives the data, or null where it told why not. */
export async function ask(query, variables) {
  tell('');
  try {
    const response = await fetch('graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) tell(errors[0].message);
    return errors ? null : data;
  } catch {
    tell('The server doesn’t answer. Try again in a moment.');
    return null;
  }
}

/** Asks for a change. Gives its payload, or null where it told why it was not made. */
export async function change(mutation, input) {
  const data = await ask(mutation, { input });
  const payload = data && Object.values(data)[0];
  if (payload?.errors.length) {
    tell(payload.errors[0].message);
    return null;
  }
  return payload;
}

/** Calls back with a form's fields when it is sent, and keeps it from being sent twice. */
export function onSubmit(form, callback) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    await callback(Object.fromEntries(new FormData(form)));
    button.disabled = false;
  });
}
