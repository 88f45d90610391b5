import { strings } from '../../strings.ts';

const texts = strings.projects;

interface NameFormProps {
  readonly label: string;
  readonly hint?: string;
  readonly submit: string;
  /** What is there already; the field is focused then. */
  readonly name?: string;
  onName(name: string): void;
  onCancel?(): void;
}

/** Asks for the name of a project. */
export function NameForm({ label, hint, submit, name, onName, onCancel }: NameFormProps) {
  const onSubmit = (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const input = event.currentTarget.elements.namedItem('name') as HTMLInputElement;
    const text = input.value.trim();
    input.setCustomValidity(text === '' ? texts.nameNeeded : '');
    if (!input.reportValidity()) return;
    onName(text);
    input.value = '';
  };
  return (
    <form
      class="bar"
      noValidate
      onSubmit={onSubmit}
      onKeyDown={({ key }) => {
        if (key === 'Escape') onCancel?.();
      }}
    >
      <input
        name="name"
        type="text"
        autocomplete="off"
        maxLength={200}
        aria-label={label}
        placeholder={hint}
        defaultValue={name}
        ref={(input) => {
          // The visitor has just asked for it.
          if (name !== undefined) input?.focus();
        }}
        onInput={({ currentTarget }) => currentTarget.setCustomValidity('')}
      />
      <button type="submit" class={onCancel ? 'primary' : ''}>
        {submit}
      </button>
      {onCancel && (
        <button type="button" onClick={onCancel}>
          {texts.cancel}
        </button>
      )}
    </form>
  );
}
