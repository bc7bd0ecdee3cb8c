import { ask, change, onSubmit, tell } from './account.js';

const SITE = '{ viewer { displayName } siteSettings { siteTitle ssoLoginUrl } }';
const SIGN_IN = 'mutation ($input: SignInInput!) { signIn(input: $input) { errors { message } } }';
const SIGN_IN_WITH_CAS =
  'mutation ($input: SignInWithCasInput!) { signInWithCas(input: $input) { errors { message } } }';
const SIGN_OUT = 'mutation ($input: SignOutInput!) { signOut(input: $input) { errors { message } } }';
const FORGOT =
  'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { errors { message } } }';

const BEGAN = 'genji:sso';

const form = document.getElementById('sign-in');
const signedIn = document.getElementById('signed-in');
const sso = document.getElementById('sso');

async function show() {
  const site = await ask(SITE);
  if (!site) return;
  const { viewer, siteSettings } = site;
  document.title = `Sign in · ${siteSettings.siteTitle}`;
  form.hidden = viewer !== null;
  signedIn.hidden = viewer === null;
  if (viewer) signedIn.querySelector('b').textContent = viewer.displayName;
  const login = siteSettings.ssoLoginUrl;
  sso.hidden = login === null;
  if (login) {
    sso.querySelector('b').textContent = new URL(login).host;
    sso.querySelector('button').onclick = () => {
      sessionStorage.setItem(BEGAN, 'yes');
      location.assign(login);
    };
  }
}

/** A ticket that this tab didn't ask for may be somebody else's: it would sign this person in as them. */
async function takeTicket(ticket) {
  history.replaceState(null, '', location.pathname);
  const began = sessionStorage.getItem(BEGAN) === 'yes';
  sessionStorage.removeItem(BEGAN);
  if (!began) tell('Sign in from this page.');
  return began && (await change(SIGN_IN_WITH_CAS, { ticket })) !== null;
}

onSubmit(form, async (fields) => {
  if (await change(SIGN_IN, fields)) {
    form.reset();
    await show();
  }
});

document.getElementById('forgot').onclick = async () => {
  const { login } = form.elements;
  if (!login.reportValidity()) return;
  if (await change(FORGOT, { login: login.value })) {
    tell('If there is such an account with an address, a link to a new password is on its way there.');
  }
};

signedIn.querySelector('button').onclick = async () => {
  if (await change(SIGN_OUT, {})) await show();
};

const ticket = new URLSearchParams(location.search).get('ticket');
if (ticket === null || (await takeTicket(ticket))) await show();
else {
  const problem = document.getElementById('told').textContent;
  await show();
  tell(problem);
}
