import { change, onSubmit, tell } from './account.js';

const RESET = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { errors { message } } }';

const form = document.getElementById('reset-password');
// The link has it after a #, which no server and no Referer header is told; nor shall the history keep it.
const token = new URLSearchParams(location.hash.slice(1)).get('token');
history.replaceState(null, '', location.pathname);

if (token === null) {
  form.hidden = true;
  tell('Open the link from the mail: it holds what proves who you are.');
}

onSubmit(form, async ({ password }) => {
  if (await change(RESET, { token, password })) {
    form.hidden = true;
    tell('Your password is changed, and whoever was signed in no longer is.');
    document.getElementById('next').hidden = false;
  }
});
